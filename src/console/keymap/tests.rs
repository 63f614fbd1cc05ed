//! Key maps: every shipped one is whole, and each mistake has its place and word.

use super::*;

#[test]
fn every_file_of_the_folder_ships_and_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("keymaps");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(SHIPPED.iter().any(|(known, _)| *known == name), "{name} is not in the binary");
        let text = std::fs::read_to_string(&path).unwrap();
        if let Err(error) = Keymap::parse(&path.display().to_string(), &text) {
            panic!("{error}");
        }
    }
}

#[test]
fn every_command_has_a_key_in_every_context_where_it_works() {
    for (name, _) in SHIPPED {
        let map = Keymap::shipped(name).unwrap();
        for spec in COMMANDS {
            for context in spec.contexts {
                assert!(map.chord_of(*context, spec.command).is_some(), "{name}: {} in {}", spec.id, context.name());
            }
        }
        for context in Context::ALL {
            let reserved = map.bindings(context).flat_map(|it| &it.chord).find(|key| is_reserved(**key));
            assert!(reserved.is_none(), "{name}: {reserved:?}");
        }
    }
}

#[test]
fn ids_are_unique_documented_and_in_order() {
    for (i, spec) in COMMANDS.iter().enumerate() {
        assert_eq!(spec.command as usize, i);
        assert_eq!(Command::by_id(spec.id), Some(spec.command), "{} twice", spec.id);
        assert!(!spec.doc.is_empty() && !spec.contexts.is_empty());
    }
}

#[test]
fn mistakes_are_refused_with_place_and_suggestion() {
    let cases = [
        ("[main]\n\"x\" = \"zoon\"", "k:2:7: `zoon` is not a command; did you mean `zoom`?"),
        ("[mian]\n\"x\" = \"zoom\"", "k:1:2: `mian` is not a place where keys work; did you mean `main`?"),
        ("[main]\n\"<entr>\" = \"open\"", "k:2:1: `<entr>` is not a key this program knows"),
        ("[main]\n\"\" = \"open\"", "k:2:1: an empty chord can't be pressed; the space bar is `<space>`"),
        (
            "[main]\n\"x\" = \"zoom\"\n\"<s-tab>\" = \"help\"\n\"<S-Tab>\" = \"zoom\"",
            "k:4:1: `S-Tab` already means `help` in [main]",
        ),
        ("[main]\n\"g\" = \"top\"\n\"g g\" = \"top\"", "k:3:1: `g` hides `g g`: one chord can't begin another"),
        ("[entry]\n\"x\" = \"back\"", "k:2:1: `x` is text in [entry]: bind a key that types nothing"),
        (
            "[main]\n\"F\" = \"propose-failover\"",
            "k:2:1: `propose-failover` is too near to an accident on one key: bind two in a row",
        ),
        ("[menu]\n\"x\" = \"zoom\"", "k:2:7: `zoom` means nothing in [menu]; it works in main"),
        ("[main]\n\"x\" = 3", "k:2:7: a key means one command, named in quotes"),
        ("zoom = 3", "k:1:1: `zoom` is not part of a key map"),
    ];
    for (text, words) in cases {
        assert_eq!(Keymap::parse("k", text).unwrap_err().to_string(), words);
    }
}

#[test]
fn chords_are_matched_pending_or_nothing() {
    let map = Keymap::shipped("default").unwrap();
    let find = |script: &str| map.find(&[Context::Main], &keys(script).unwrap());
    assert_eq!(find("!"), Found::Pending);
    assert_eq!(find("!f"), Found::Command(Command::Failover));
    assert_eq!(find("!x"), Found::Nothing);
    assert_eq!(find("<s-tab>"), Found::Command(Command::PrevPane));
}

#[test]
fn scripts_read_as_a_person_presses() {
    let pressed: Vec<String> = keys("!f<enter>a b<c-l><lt>").unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(pressed, ["!", "f", "Enter", "a", "Space", "b", "Ctrl-L", "<"]);
    assert!(keys("<nonsense>").is_err());
}
