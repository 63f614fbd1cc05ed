//! The loader as a whole: a folder of files that must fail with the words in their first lines, the values of a good one,
//! the sample against the defaults, and noise.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::section::{Requirement, Setting};
use super::sections::ALL;
use super::*;
use crate::model::{ClusterRole, Host, Level, PersonRole, Severity, Strategy, TransitionKind};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

/// Loads text as `warroom.toml` of a directory of its own, with nothing in the environment.
fn load_text(text: impl AsRef<[u8]>, options: LoadOptions) -> Result<Config, ConfigErrors> {
    load_both(text, None, options)
}

fn load_both(text: impl AsRef<[u8]>, people: Option<&str>, options: LoadOptions) -> Result<Config, ConfigErrors> {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("warroom.toml");
    write_closed(&file, text.as_ref());
    if let Some(people) = people {
        write_closed(&dir.path().join("people.toml"), people.as_bytes());
    }
    load_in(&file, options, &Env::default())
}

/// Writes a file that only its owner may write, whatever the umask is.
fn write_closed(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("mode set");
}

fn good() -> String {
    fs::read_to_string(fixtures().join("good.toml")).expect("the good file")
}

/// Whether an error has the place and the words of `LINE:COL: words`.
fn says(error: &str, expected: &str) -> bool {
    let (place, words) = expected.split_once(": ").expect("LINE:COL: words");
    error.contains(&format!(".toml:{place}: ")) && error.contains(words)
}

/// Walks a folder of bad files; each must give exactly the errors that its `# expect:` lines name.
fn each_fails_as_it_says(folder: &str, load: impl Fn(&str, LoadOptions) -> Result<Config, ConfigErrors>) {
    let mut files: Vec<PathBuf> = fs::read_dir(fixtures().join(folder))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{folder} holds {} files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("text");
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# expect: ")).collect();
        let options = LoadOptions { serve: text.lines().any(|line| line == "# serve"), drill: false };
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let errors = match load(&text, options) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.0,
        };
        let said: Vec<String> = errors.iter().map(|error| error.to_string()).collect();
        let all_said = expected.iter().all(|words| said.iter().any(|line| says(line, words)));
        if expected.is_empty() || !all_said || said.len() != expected.len() {
            wrong.push(format!("{name}\n  expected {expected:#?}\n  said {said:#?}"));
        }
        assert!(!said.concat().contains("hunter2"), "{name} repeats a secret");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_bad_configuration_fails_with_the_words_it_expects() {
    each_fails_as_it_says("invalid", |text, options| load_text(text, options));
}

#[test]
fn every_bad_people_file_fails_with_the_words_it_expects() {
    each_fails_as_it_says("invalid-people", |text, options| load_both(good(), Some(text), options));
}

#[test]
fn a_good_file_has_the_values_it_says_and_the_defaults_it_leaves_out() {
    let config = load_text(good(), LoadOptions { serve: true, drill: false }).expect("loads");
    assert_eq!(config.room.name, "prod-ca");
    let base = config.file.as_ref().and_then(|file| file.parent()).expect("a folder").to_owned();
    let primary = &config.clusters[0];
    assert_eq!((primary.name.as_str(), primary.role), ("primary", ClusterRole::Primary));
    assert_eq!(primary.kubeconfig.as_deref(), Some(base.join("kubeconfig").as_path()));
    assert_eq!((primary.argocd_stale_s, primary.velero.as_deref()), (540, Some("velero")));
    let alertmanager = &config.alertmanagers[0];
    assert_eq!((alertmanager.url.as_str(), alertmanager.every_s), ("http://127.0.0.1:9093", 5), "no slash at the end");
    assert_eq!(alertmanager.basic_auth.as_ref().map(|b| b.password_file.clone()), Some(base.join("am.password")));
    assert_eq!(config.cloudflare[0].url, "https://api.cloudflare.com/client/v4");
    let probe = &config.probes[0];
    assert_eq!((probe.every_s, probe.timeout_s, probe.good, probe.window), (5, 3, (200, 399), 6));
    let shop = &config.objectives[0];
    assert_eq!((shop.rto_s, shop.rpo_s), (1800, 900), "the tier's RTO, its own RPO");
    assert_eq!(
        (shop.primary.as_str(), shop.dr.join(" ").as_str()),
        ("primary", "dr"),
        "the only clusters of those roles"
    );
    assert_eq!((shop.strategy, shop.probes.as_slice()), (Strategy::WarmStandby, ["shop".to_owned()].as_slice()));
    assert_eq!((config.rules.per_minute, config.rules.opens_as), (30, Severity::Sev1));
    assert_eq!((config.policy.quorum, config.policy.level, config.policy.ttl_s), (2, Level::Session, 1800));
    let prometheus = &config.prometheus[0];
    assert_eq!((prometheus.url.as_str(), prometheus.every_s), ("http://127.0.0.1:9090/prom", 15), "its prefix stays");
    let console = ConsoleConfig { theme: base.join("themes/ours.toml").display().to_string(), ..Default::default() };
    assert_eq!(config.console, ConsoleConfig { bell: false, ..console }, "paths begin at the file");
    let slo = &config.slos[0];
    assert_eq!((slo.target.prometheus.as_str(), slo.target.budget_ppm), ("prom-1", 500), "the only one there is");
    assert_eq!(slo.target.period_s, 30 * 86_400);
    assert!(config.people.is_empty(), "no people file: everyone observes");
    assert!(config.people_digest.starts_with("sha256:e3b0c442"), "the digest of nothing");
}

#[test]
fn tiers_are_the_four_templates_and_regulated_takes_what_it_is_given() {
    let tiers = [("critical", "", (1800, 300)), ("important", "", (14_400, 1800)), ("standard", "", (86_400, 14_400))];
    let given = ("regulated", "rto = \"2h\"\nrpo = \"0h10m\"", (7200, 600));
    for (tier, more, promise) in tiers.into_iter().chain([given]) {
        let text = good().replace("tier = \"critical\"\nrpo = \"15m\"", &format!("tier = \"{tier}\"\n{more}"));
        let config = load_text(text, LoadOptions::default()).expect(tier);
        assert_eq!((config.objectives[0].rto_s, config.objectives[0].rpo_s), promise, "{tier}");
    }
}

const PEOPLE: &str = "[[person]]\nid = \"ana\"\naccounts = [\"200001\", \"200002\"]\nroles = [\"operator\", \"commander\"]\n\
                      [[person]]\nid = \"sam\"\naccounts = [\"200003\"]\nroles = [\"operator\"]\n";

#[test]
fn people_own_accounts_and_have_roles() {
    let config = load_both(good(), Some(PEOPLE), LoadOptions { serve: true, drill: false }).expect("loads");
    assert_eq!(config.people[0].uids, [200_001, 200_002]);
    assert_eq!(config.people[0].role(), PersonRole::Commander);
    let other = load_both(good(), Some(&format!("{PEOPLE}# more\n")), LoadOptions::default()).expect("loads");
    assert_ne!(config.people_digest, other.people_digest, "every byte counts");
}

#[test]
fn in_a_drill_names_need_no_account_and_root_may_play() {
    let people = PEOPLE.replace("200003", "sam").replace("\"200001\"", "\"0\"");
    let drill = LoadOptions { serve: false, drill: true };
    let config = load_both(good(), Some(&people), drill).expect("loads");
    assert_eq!(config.people[0].uids, [0, 200_002]);
    assert_eq!((config.people[1].uids.len(), config.policy.level), (0, Level::Drill));
    assert!(load_both(good(), Some(&people), LoadOptions::default()).is_err());
}

#[test]
fn someone_alone_may_watch_in_solo_but_not_serve_actions_nobody_can_approve() {
    let alone = PEOPLE.split("[[person]]\nid = \"sam\"").next().expect("ana");
    assert!(load_both(good(), Some(alone), LoadOptions::default()).is_ok());
    assert!(load_both(good(), Some(alone), LoadOptions { serve: true, drill: false }).is_err());
}

#[test]
fn errors_of_both_files_come_together() {
    let bad = good().replace("every", "evry").replace("tier = \"critical\"", "tier = \"critcal\"");
    let errors = load_both(bad, Some("[[person]]\nid = \"ana\"\n"), LoadOptions::default()).expect_err("refused");
    let said = errors.to_string();
    assert!(
        said.contains("did you mean `critical`") && said.contains("people.toml:1:1: [[person]] has no `accounts`"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_one_clear_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let errors = load_in(&dir.path().join("none.toml"), LoadOptions::default(), &Env::default()).expect_err("refused");
    assert!(errors.to_string().ends_with("none.toml: there is no such file; `warroom init` writes one to begin with"));
    let errors = load_in(dir.path(), LoadOptions::default(), &Env::default()).expect_err("refused");
    assert!(errors.to_string().contains("not a regular file"), "{errors}");
    let errors = load_text(b"[room]\nname = \"\xff\"", LoadOptions::default()).expect_err("refused");
    assert!(errors.to_string().contains(":2:9: this is not UTF-8"), "{errors}");
    let errors = load_text(vec![b'#'; 2 * 1024 * 1024], LoadOptions::default()).expect_err("refused");
    assert!(errors.to_string().contains("larger than 1024 KiB"), "{errors}");
}

#[test]
fn a_bare_secret_name_is_found_among_systemds_credentials() {
    let credentials = tempfile::tempdir().expect("a directory");
    fs::write(credentials.path().join("cloudflare.token"), "x").expect("written");
    let env = Env { credentials: Some(credentials.path().to_owned()), ..Env::default() };
    let config = load_in(&fixtures().join("good.toml"), LoadOptions::default(), &env).expect("loads");
    assert_eq!(config.cloudflare[0].token_file, credentials.path().join("cloudflare.token"));
    assert_eq!(config.clusters[0].kubeconfig, Some(fixtures().join("kubeconfig")), "not among them: beside the file");
}

/// The sample with every setting switched on.
fn switched_on() -> String {
    let is_setting = |rest: &str| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let lines = sample().lines().map(|line| line.strip_prefix('#').filter(|rest| is_setting(rest)).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_as_it_stands_is_a_room_with_every_default() {
    let sampled = load_text(sample(), LoadOptions::default()).expect("the sample loads");
    let bare = load_text("[room]\nname = \"my-room\"", LoadOptions::default()).expect("loads");
    assert_eq!(without_places(sampled), without_places(bare));
}

/// Configurations from different temporary directories differ in nothing but their paths.
fn without_places(mut config: Config) -> Config {
    let base = config.file.take().and_then(|file| file.parent().map(Path::to_owned)).expect("a folder");
    let strip = |path: &mut PathBuf| *path = path.strip_prefix(&base).unwrap_or(path).to_owned();
    strip(&mut config.room.people_file);
    config.clusters.iter_mut().filter_map(|c| c.kubeconfig.as_mut()).for_each(strip);
    config.alertmanagers.iter_mut().filter_map(|a| a.ca_file.as_mut()).for_each(strip);
    config.prometheus.iter_mut().filter_map(|p| p.ca_file.as_mut()).for_each(strip);
    config.prometheus.iter_mut().filter_map(|p| p.basic_auth.as_mut()).for_each(|b| strip(&mut b.password_file));
    config.alertmanagers.iter_mut().filter_map(|a| a.basic_auth.as_mut()).for_each(|b| strip(&mut b.password_file));
    config.cloudflare.iter_mut().for_each(|c| strip(&mut c.token_file));
    config.probes.iter_mut().filter_map(|p| p.ca_file.as_mut()).for_each(strip);
    let http =
        config.alertmanagers.iter_mut().map(|a| &mut a.http).chain(config.prometheus.iter_mut().map(|p| &mut p.http));
    for it in http.chain(config.probes.iter_mut().map(|p| &mut p.http)) {
        it.client_cert.iter_mut().for_each(|c| strip(&mut c.cert));
        it.client_cert.iter_mut().filter_map(|c| c.key.as_mut()).for_each(strip);
        for header in &mut it.headers {
            if let HeaderValueConfig::File(path) = &mut header.value {
                strip(path);
            }
        }
    }
    config
}

/// The good file with a second DR cluster, and these lines in its service.
fn with_service(lines: &str) -> Config {
    let more = "[[cluster]]\nname = \"dr-2\"\nrole = \"other\"\n\n[[service]]\n";
    let text = good().replacen("[[service]]\n", more, 1).replace("load_balancer = \"shop.example\"\n", "");
    let text = text.replace("primary_pool = \"primary\"\ndr_pool = \"dr\"\n", lines);
    let config = load_text(text, LoadOptions::default()).expect(lines);
    let shown = super::render::to_toml(&config);
    let again = load_text(&shown, LoadOptions::default()).expect(&shown);
    assert_eq!(again.objectives, config.objectives, "what is shown means the same: {shown}");
    config
}

#[test]
fn one_or_several_dr_clusters_and_host_names_or_none_are_taken_and_shown() {
    let shop = |lines: &str| with_service(lines).objectives.swap_remove(0);
    let one = shop("load_balancer = \"a\"\nprimary_pool = \"p\"\ndr_pool = \"d\"\n");
    assert_eq!((one.dr.join(" ").as_str(), one.hosts), ("dr", vec![Host::new("a", Some("p"), [("dr", "d")])]));
    let several = shop(
        "dr = [\"dr\", \"dr-2\"]\nload_balancer = [\"a\", \"b\"]\nprimary_pool = \"p\"\ndr_pool = [\"d\", \"e\"]\n",
    );
    assert_eq!(several.dr, ["dr", "dr-2"]);
    let pools = [("dr", "d"), ("dr-2", "e")];
    assert_eq!(several.hosts, ["a", "b"].map(|host| Host::new(host, Some("p"), pools)));
    let own = shop(
        "load_balancer = [\"a\", { name = \"b\", primary_pool = \"q\", dr_pool = \"f\" }, { name = \"c\", dr_pool = \"g\" }]\n\
         primary_pool = \"p\"\ndr_pool = \"d\"\n",
    );
    let hosts = [("a", "p", "d"), ("b", "q", "f"), ("c", "p", "g")];
    assert_eq!(own.hosts, hosts.map(|(host, primary, dr)| Host::new(host, Some(primary), [("dr", dr)])));
    // One pool for two DR clusters is the first one's; how the other is reached is not known, and readiness says so.
    let fewer = shop("dr = [\"dr\", \"dr-2\"]\nload_balancer = \"a\"\nprimary_pool = \"p\"\ndr_pool = \"d\"\n");
    assert_eq!(fewer.hosts, [Host::new("a", Some("p"), [("dr", "d")])]);
    let none = shop("dr = []\nload_balancer = \"a\"\n");
    assert!(none.dr.is_empty() && !none.can_fail_over(), "{none:?}");
}

#[test]
fn one_argo_cd_may_deploy_to_every_cluster() {
    let text = "[room]\nname = \"r\"\n[[cluster]]\nname = \"primary\"\nrole = \"primary\"\nonly_here = [\"ci-*\"]\n\
                [[cluster]]\nname = \"dr\"\nrole = \"dr\"\ndestinations = [\"prod-west\", \"https://10.0.0.1:6443\"]\n\
                [[cluster]]\nname = \"mgmt\"\nrole = \"other\"\nargocd = \"argocd\"\n\
                [[service]]\nname = \"shop\"\ntier = \"critical\"\nprimary = \"primary\"\ndr = \"dr\"\n\
                strategy = \"warm-standby\"\napps = [\"shop-*\"]\n";
    let config = load_text(text, LoadOptions::default()).expect("its applications are seen at the hub");
    assert_eq!(config.clusters[1].destinations, ["prod-west", "https://10.0.0.1:6443"]);
    assert_eq!(config.clusters[0].only_here, ["ci-*"]);
    let shown = render::to_toml(&config);
    assert!(shown.contains("only_here = [\"ci-*\"]") && shown.contains("\"prod-west\""), "{shown}");
}

#[test]
fn a_service_asks_for_a_session_unless_it_is_lowered_and_a_room_of_ones_own_does_not() {
    let level = |line: &str, serve, drill| {
        let text = format!("[room]\nname = \"r\"\n[policy]\n{line}\n");
        load_text(text, LoadOptions { serve, drill }).expect(line).policy.level
    };
    let (account, session) = ("level = \"account\"", "level = \"session\"");
    assert_eq!(
        ["", account, session].map(|line| level(line, true, false)),
        [Level::Session, Level::Account, Level::Session]
    );
    assert_eq!(
        ["", account, session].map(|line| level(line, false, false)),
        [Level::Account, Level::Account, Level::Session]
    );
    assert_eq!(["", account, session].map(|line| level(line, false, true)), [Level::Drill; 3]);
}

#[test]
fn one_cluster_is_enough_whether_the_service_names_it_or_not() {
    for primary in ["", "primary = \"only\"\n"] {
        let text = format!(
            "[room]\nname = \"r\"\n[[cluster]]\nname = \"only\"\nrole = \"primary\"\nvelero = \"velero\"\n[[service]]\n\
             name = \"shop\"\nrto = \"4h\"\nrpo = \"24h\"\nstrategy = \"cold\"\nschedules = [\"shop-hourly\"]\n{primary}"
        );
        let shop = load_text(&text, LoadOptions::default()).expect(&text).objectives.swap_remove(0);
        assert_eq!((shop.primary.as_str(), shop.dr.len(), shop.restored_on()), ("only", 0, &["only".to_owned()][..]));
    }
}

#[test]
fn the_sample_switched_on_loads_and_each_default_it_shows_is_the_default() {
    let full = without_places(load_text(switched_on(), LoadOptions::default()).expect("loads with every setting on"));
    assert_eq!((full.clusters.len(), full.objectives.len(), full.alertmanagers.len()), (2, 1, 1));
    // Each line of a default may be left out without changing anything: what the sample shows is what is meant.
    let is_default = |it: &&Setting| matches!(it.requirement, Requirement::Default | Requirement::Derived);
    let mut left_out = 0;
    for setting in ALL.iter().flat_map(|section| section.settings).filter(is_default) {
        let mut inside = false;
        let is_line = |line: &&str| {
            inside = if line.starts_with('[') { *line == setting.title } else { inside };
            !(inside && line.strip_prefix(setting.key).is_some_and(|rest| rest.starts_with(" = ")))
        };
        let text = switched_on();
        let lines: Vec<&str> = text.lines().filter(is_line).collect();
        assert!(lines.len() < text.lines().count(), "the sample shows {} `{}`", setting.title, setting.key);
        // How surely people are known is the one default that a service and a room of one's own do not share.
        let options = LoadOptions { serve: setting.key == "level", drill: false };
        let full = without_places(load_text(&text, options).expect("loads with every setting on"));
        let less = load_text(lines.join("\n"), options).expect(setting.key);
        assert_eq!(without_places(less), full, "{} `{}` as shown is its default", setting.title, setting.key);
        left_out += 1;
    }
    assert!(left_out > 30, "{left_out} settings have a default");
}

#[test]
fn every_setting_of_every_section_is_shown_as_it_was_understood() {
    let shown: toml::Table =
        to_toml(&load_text(switched_on(), LoadOptions::default()).expect("loads")).parse().expect("TOML");
    for section in ALL {
        let table = match &shown[section.name()] {
            toml::Value::Array(tables) => tables[0].as_table().expect("a table"),
            one => one.as_table().expect("a table"),
        };
        // What can't be switched on with the rest is not there, and of a tier its RTO and RPO are shown.
        let told = |it: &&Setting| it.requirement != Requirement::Alternative && it.key != "tier";
        for setting in section.settings.iter().filter(told) {
            assert!(table.contains_key(setting.key), "{} `{}` is not shown", section.title, setting.key);
        }
        let known = |key: &String| section.settings.iter().any(|setting| setting.key == *key);
        assert!(table.keys().all(known), "{} shows what can't be written: {table:?}", section.title);
    }
}

#[test]
fn the_sample_shows_every_key_there_is() {
    // Each table's own complaint about an unknown key lists its valid keys: the loader, not this test, names them.
    for title in [
        "[room]",
        "[[cluster]]",
        "[[alertmanager]]",
        "[[prometheus]]",
        "[[cloudflare]]",
        "[[slo]]",
        "[[probe]]",
        "[[service]]",
        "[rules]",
        "[policy]",
        "[network]",
        "[console]",
    ] {
        let text = format!("{title}\nqqqqqqqqqqqq = 1\n");
        let errors = load_text(text, LoadOptions::default()).expect_err("refused").to_string();
        let keys = errors.split("; valid: ").nth(1).and_then(|rest| rest.lines().next()).expect("the list");
        for key in keys.split(", ") {
            let shown = sample().lines().any(|line| {
                line.trim_start_matches(['#', ' ']).strip_prefix(key).is_some_and(|rest| rest.starts_with(" ="))
            });
            assert!(shown, "{title} `{key}` is in the sample");
        }
    }
}

#[test]
fn a_sample_for_found_clusters_loads_with_just_them() {
    let cluster = |name: &str, role| SampleCluster {
        name: name.to_owned(),
        role,
        kubeconfig: Some(PathBuf::from("/home/ana/\"odd\" path")),
        context: format!("admin@{name}"),
    };
    let found = [cluster("one", ClusterRole::Primary), cluster("two", ClusterRole::Dr)];
    let config = load_text(sample_for("prod", &found), LoadOptions::default()).expect("loads");
    assert_eq!(config.room.name, "prod");
    let contexts: Vec<_> = config.clusters.iter().filter_map(|c| c.context.as_deref()).collect();
    assert_eq!(contexts, ["admin@one", "admin@two"]);
    assert_eq!(config.clusters[0].kubeconfig.as_deref(), Some(Path::new("/home/ana/\"odd\" path")));
}

#[test]
fn what_show_prints_loads_as_the_same_configuration() {
    for text in [good(), switched_on(), sample().to_owned()] {
        let first = load_text(text, LoadOptions::default()).expect("loads");
        let again = load_text(to_toml(&first), LoadOptions::default()).expect("what was shown loads");
        assert_eq!(Config { file: None, ..first.clone() }, Config { file: None, ..again });
        let json = to_json(&first);
        assert_eq!(json["room"]["name"], first.room.name.as_str());
        assert!(json["people"].is_array());
    }
}

#[test]
fn headers_certificates_and_proxies_are_taken_for_every_http_source() {
    let config = without_places(load_text(switched_on(), LoadOptions::default()).expect("loads"));
    let header = |name: &str, value| HeaderConfig { name: name.to_owned(), value };
    let tenant = header("X-Scope-OrgID", HeaderValueConfig::Text("team-a".to_owned()));
    let key = header("X-Api-Key", HeaderValueConfig::File("am-1.key".into()));
    assert_eq!(config.alertmanagers[0].http.headers, [key, tenant.clone()]);
    assert_eq!(config.prometheus[0].http.headers, [tenant]);
    assert_eq!(config.prometheus[0].http, HttpConfig { client_cert: None, ..config.probes[0].http.clone() });
    let cert = ClientCertConfig { cert: "warroom.pem".into(), key: Some("warroom.key".into()) };
    assert_eq!(config.probes[0].http.client_cert, Some(cert));
    let proxy = ProxyConfig::Address("http://proxy.example:3128".to_owned());
    assert_eq!((&config.probes[0].http.proxy, &config.cloudflare[0].proxy), (&proxy, &proxy));

    let direct = good().replace("name = \"edge\"", "name = \"edge\"\nproxy = \"none\"");
    let direct = load_text(direct, LoadOptions::default()).expect("loads");
    assert_eq!(direct.cloudflare[0].proxy, ProxyConfig::Direct);
    let shown = to_toml(&direct);
    assert_eq!(load_text(&shown, LoadOptions::default()).expect("loads").cloudflare[0].proxy, ProxyConfig::Direct);
}

/// Who joins a room needs nothing else of the file to be right.
#[test]
fn every_change_that_a_rule_may_leave_out_can_be_named() {
    let with = |ignored: &str| {
        let text = format!("[room]\nname = \"r\"\n[rules]\nignore = [\"{ignored}\"]\n");
        load_text(text, LoadOptions::default())
    };
    for kind in TransitionKind::ALL {
        let (name, family) = (kind.as_str(), kind.family().expect("a family").name());
        let may = TransitionKind::ignorable().contains(&name);
        assert_eq!(with(name).is_ok(), may, "{name}");
        assert_eq!(with(&format!("{family}.*")).is_ok(), may, "{family}.*");
    }
    for no in ["*", "alert", "alert*", "al*", "alert.f*", "*.ok", ""] {
        assert!(with(no).is_err(), "{no}");
    }
}

#[test]
fn the_console_section_is_read_alone_and_points_at_its_words() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("warroom.toml");
    let read = |text: &str| {
        write_closed(&file, text.as_bytes());
        console_of(&file, &Env::default())
    };
    let found = read("[[cluster]]\nnmae = 1\n[console]\nmouse = true\ntheme = \"drak\"\n").expect("read");
    assert_eq!(found.config, ConsoleConfig { theme: "drak".to_owned(), mouse: true, ..Default::default() });
    let error = found.error(ConsoleWord::Theme, "there is none", Some("dark".to_owned())).to_string();
    assert!(error.ends_with("warroom.toml:5:9: `theme`: there is none (did you mean `dark`?)"), "{error}");
    assert_eq!(read("[room]\n").expect("read").config, ConsoleConfig::default());
    let error = read("[console]\nbel = false\n").expect_err("refused").to_string();
    assert!(error.ends_with("warroom.toml:2:1: unknown key `bel` in [console] (did you mean `bell`?)"), "{error}");
    assert!(read("[console\n").expect_err("refused").to_string().contains("this is not TOML"));
}

proptest! {
    /// Any part of the sample that loads is shown as something that loads, and is shown the same.
    #[test]
    fn what_is_shown_of_any_part_of_the_sample_is_shown_again(off in proptest::collection::vec(0usize..200, 0..12)) {
        let text = switched_on().lines().enumerate().filter(|(i, _)| !off.contains(i)).map(|(_, l)| l).collect::<Vec<_>>().join("\n");
        if let Ok(config) = load_text(text, LoadOptions::default()) {
            let shown = to_toml(&config);
            prop_assert_eq!(to_toml(&load_text(&shown, LoadOptions::default()).expect(&shown)), shown);
        }
    }

    #[test]
    fn random_bytes_never_panic_the_loader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = load_text(bytes, LoadOptions::default());
    }

    #[test]
    fn a_damaged_file_never_panics_the_loader(at in 0usize..900, cut in 0usize..40, noise in "[\\[\\]\"=a-z0-9\\n.#{},' é-]{0,12}") {
        let text = good();
        let chars: Vec<char> = text.chars().collect();
        let at = at.min(chars.len());
        let end = (at + cut).min(chars.len());
        let damaged: String = chars[..at].iter().copied().chain(noise.chars()).chain(chars[end..].iter().copied()).collect();
        if let Err(errors) = load_both(&damaged, Some(&damaged), LoadOptions { serve: true, drill: false }) {
            prop_assert!(!errors.0.is_empty());
            for error in &errors.0 {
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
