//! Key maps: every shipped one is whole, and each mistake has its place and word.

use super::*;
use crate::model::Action;

#[test]
fn every_file_of_the_folder_ships_and_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("keymaps");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let page = SHELF.shipped(&name).unwrap_or_else(|| panic!("{name} is not in the binary"));
        match Keymap::read(page, &SHELF) {
            Ok(map) => assert_eq!(map.name, name),
            Err(error) => panic!("{error}"),
        }
        files += 1;
    }
    assert_eq!(files, SHIPPED.len());
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
        for context in KeyContext::ALL {
            let reserved = map.bindings(context).flat_map(|it| &it.chord).find(|key| is_reserved(**key));
            assert!(reserved.is_none(), "{name}: {reserved:?}");
        }
    }
}

#[test]
fn ids_are_unique_and_documented() {
    for spec in COMMANDS {
        assert_eq!(spec.command.spec().id, spec.id);
        if let Command::Pane(pane) = spec.command {
            assert_eq!(spec.id, format!("pane-{}", pane.number()));
            assert_eq!(spec.doc, format!("go to pane {}, {}", pane.number(), pane.title()));
        }
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
        ("inherit = \"vim\"", "k:1:1: `inherit` is not part of a key map; did you mean `inherits`?"),
        ("inherits = \"emcas\"", "k:1:12: there is no key map called `emcas`; did you mean `emacs`?"),
        (
            "[main]\n\"x\" = { run = \"zoom\", wehn = \"drill\" }",
            "k:2:23: `wehn` is not part of a binding; did you mean `when`?",
        ),
        ("[main]\n\"x\" = { when = \"drill\" }", "k:2:7: a binding says what to run: { run = \"…\" }"),
        (
            "[main]\n\"x\" = { run = \"zoom\", when = \"incidents\" }",
            "k:2:30: `incidents` is not a condition; did you mean `incident`?",
        ),
        (
            "[main]\n\"x\" = [\"zoom\", { run = \"freeze\", when = \"drill\" }]",
            "k:2:1: `x` already means `zoom` in [main]",
        ),
        ("[main]\n\"<c-i>\" = \"zoom\"", "k:2:1: Ctrl-I is Tab to a terminal: write `<tab>`"),
        ("[main]\n\"x <c-m>\" = \"zoom\"", "k:2:1: Ctrl-M is Enter to a terminal: write `<enter>`"),
        ("[main]\n\"<s-x>\" = \"zoom\"", "k:2:1: `<s-x>`: a letter carries its own shift, write `X`"),
        ("[entry]\n\"<c-x> g\" = \"back\"", "k:2:1: `Ctrl-X g` is never reached: in [entry] a chord is one key"),
        ("[plan]\n\"g g\" = \"up\"", "k:2:1: `g g` is never reached: in [plan] a chord is one key"),
        (
            "[anywhere]\n\"<c-l>\" = \"redraw\"\n[main]\n\"g <c-l>\" = \"zoom\"",
            "k:4:1: `Ctrl-L` means `redraw` everywhere, so `g Ctrl-L` in [main] is never reached",
        ),
        ("[main]\n\"x\" = \"none\"", "k:2:1: `x` means nothing before: there is nothing to take away"),
        (
            "inherits = \"default\"\n[main]\n\"! f x\" = \"zoom\"",
            "k:3:1: `! f` hides `! f x`: one chord can't begin another; the longer or the shorter one is inherited: take it away with \"! f\" = \"none\"",
        ),
        (
            "inherits = \"default\"\n[anywhere]\n\"<pgup>\" = \"redraw\"",
            "k:3:1: `PgUp` means `redraw` everywhere, so `PgUp` in [main] is never reached",
        ),
    ];
    for (text, words) in cases {
        assert_eq!(Keymap::parse("k", text).unwrap_err().to_string(), words);
    }
}

#[test]
fn an_heir_changes_what_it_says_and_shows_its_own_keys_first() {
    let text = "inherits = \"default\"\n[main]\n\"x\" = \"zoom\"\n\"z\" = \"freeze\"\n\"f\" = \"none\"\n[view]\n\"<c-g>\" = \"back\"";
    let map = Keymap::parse("k", text).unwrap();
    let find = |script: &str| map.find(&[KeyContext::Main], &keys(script).unwrap(), KeyFacts::default());
    assert_eq!(find("x"), KeyMatch::Command(Command::Zoom));
    assert_eq!(find("z"), KeyMatch::Command(Command::Freeze), "bound anew");
    assert_eq!(find("f"), KeyMatch::Nothing, "taken away");
    assert_eq!(find("i"), KeyMatch::Command(Command::Note), "kept");
    assert_eq!(spell(map.chord_of(KeyContext::View, Command::Back).unwrap()), "Ctrl-G");
    assert_eq!(spell(map.chord_of(KeyContext::Main, Command::Freeze).unwrap()), "z", "before the inherited `p`");
    assert_eq!(map.prefix(&keys("!").unwrap()), Some("act"));
}

#[test]
fn the_first_binding_whose_condition_holds_counts() {
    let text = "[main]\n\"x\" = [{ run = \"zoom\", when = \"incident && !zoomed\" }, { run = \"freeze\", when = \"incident\" }]";
    let map = Keymap::parse("k", text).unwrap();
    let find = |facts: KeyFacts| map.find(&[KeyContext::Main], &keys("x").unwrap(), facts);
    let open = KeyFacts::default().with(KeyFact::Incident, true);
    assert_eq!(find(open), KeyMatch::Command(Command::Zoom));
    assert_eq!(find(open.with(KeyFact::Zoomed, true)), KeyMatch::Command(Command::Freeze));
    assert!(matches!(find(KeyFacts::default()), KeyMatch::Unmet(Command::Zoom, _)));
    assert_eq!(map.chord_now(KeyContext::Main, Command::Zoom, KeyFacts::default()), None);
    let heir = "inherits = \"default\"\n[main]\n\"f\" = { run = \"freeze\", when = \"drill\" }";
    let heir = Keymap::parse("k", heir).unwrap();
    let find =
        |drill| heir.find(&[KeyContext::Main], &keys("f").unwrap(), KeyFacts::default().with(KeyFact::Drill, drill));
    assert_eq!((find(true), find(false)), (KeyMatch::Command(Command::Freeze), KeyMatch::Command(Command::Zoom)));
}

#[test]
fn what_is_shown_is_what_is_written() {
    for (name, _) in SHIPPED {
        let map = Keymap::shipped(name).unwrap();
        for key in KeyContext::ALL.into_iter().flat_map(|context| map.bindings(context)).flat_map(|it| &it.chord) {
            assert_eq!(KeyPress::parse(&key.written()), Ok(*key), "{}", key.written());
        }
    }
}

#[test]
fn chords_are_matched_pending_or_nothing() {
    let map = Keymap::shipped("default").unwrap();
    let find = |script: &str| map.find(&[KeyContext::Main], &keys(script).unwrap(), KeyFacts::default());
    assert_eq!(find("!"), KeyMatch::Pending);
    assert_eq!(find("!f"), KeyMatch::Command(Command::Propose(Action::Failover)));
    assert_eq!(find("!x"), KeyMatch::Nothing);
    assert_eq!(find(":"), KeyMatch::Command(Command::Palette));
    assert_eq!(find("<s-tab>"), KeyMatch::Command(Command::PrevPane));
}

#[test]
fn scripts_read_as_a_person_presses() {
    let pressed: Vec<String> = keys("!f<enter>a b<c-l><lt>").unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(pressed, ["!", "f", "Enter", "a", "Space", "b", "Ctrl-L", "<"]);
    assert!(keys("<nonsense>").is_err());
    for name in ["Tab", "enter", "Esc", "PageDown", "Ctrl-L", "ctrl+c", "Shift-Tab", "Tab Tab", "Down,Enter"] {
        let why = keys_of_argument(name).expect_err(name);
        assert!(why.contains("in brackets, like `<tab>`"), "{why}");
    }
    for text in ["Tabs", "1", "-", "a down", "/tab<enter>", "<tab>", ""] {
        assert!(keys_of_argument(text).is_ok(), "{text}");
    }
}
