//! What terminals really send, whole and cut anywhere, and what they never should.

use proptest::prelude::*;

use super::*;

/// Inputs as text: keys as key maps write them, pastes in quotes.
fn told(inputs: &[Input]) -> String {
    let words = inputs.iter().map(|input| match input {
        Input::Key(key) => key.to_string(),
        Input::Paste(text) => format!("{text:?}"),
        Input::Focus(on) => format!("focus {on}"),
        Input::Mouse(mouse) => format!("{mouse:?}"),
        Input::Background(Some([r, g, b])) => format!("background #{r:02x}{g:02x}{b:02x}"),
        Input::Background(None) => "answered".to_owned(),
        other => panic!("{other:?} is not from a terminal"),
    });
    words.collect::<Vec<_>>().join(" ")
}

const SENT: [(&[u8], &str); 48] = [
    (b"q", "q"),
    (b"A", "A"),
    (b"\r", "Enter"),
    (b"\n", "Ctrl-J"),
    (b"\t", "Tab"),
    (b"\x1b[Z", "S-Tab"),
    (b"\x7f", "Backspace"),
    (b"\x03", "Ctrl-C"),
    (b"\x1a", "Ctrl-Z"),
    (b"\x00", "Ctrl-SPACE"),
    (b"\x1f", "Ctrl-7"),
    (b" ", "Space"),
    (b"\x1b[A", "Up"),
    (b"\x1bOA", "Up"),
    (b"\x1b[1;5A", "Ctrl-UP"),
    (b"\x1b[1;2C", "S-Right"),
    (b"\x1b[H", "Home"),
    (b"\x1b[1~", "Home"),
    (b"\x1bOF", "End"),
    (b"\x1b[4~", "End"),
    (b"\x1b[3~", "Delete"),
    (b"\x1b[5~", "PgUp"),
    (b"\x1b[6~", "PgDn"),
    (b"\x1bOM", "Enter"),
    (b"\x1bx", "Alt-x"),
    (b"\x1b\r", "Alt-Enter"),
    ("ä".as_bytes(), "ä"),
    ("\x1bä".as_bytes(), "Alt-ä"),
    ("日本".as_bytes(), "日 本"),
    ("🚨".as_bytes(), "🚨"),
    (b"\x1b[97;5u", "Ctrl-A"),
    (b"\x1b[97;1:3u", ""),
    (b"\x1b[13u", "Enter"),
    (b"\x1b[I\x1b[O", "focus true focus false"),
    (b"\x1b[<0;10;20M\x1b[<0;10;20m", "Click { x: 9, y: 19 }"),
    (b"\x1b[<64;1;1M\x1b[<65;2;1M", "Up { x: 0, y: 0 } Down { x: 1, y: 0 }"),
    (b"\x1b[<0;0;1M\x1b[<35;2;1M\x1b[<0;;1M", ""),
    (b"\x1b[M !!q", "q"),
    (b"\x1b[[Aq", "q"),
    (b"\x1b[?62;4cq", "answered q"),
    (b"\x1b]11;rgb:0000/8080/ffff\x1b\\q", "background #0080ff q"),
    (b"\x1b]11;rgba:ff/0/8000/ffff\x07q", "background #ff007f q"),
    (b"\x1b]11;rgb:ff/fg/ff\x07\x1b]11;?\x07q", "q"),
    (b"\x1b]10;rgb:ffff/ffff/ffff\x07\x1b]52;c;cQ==\x07q", "q"),
    (b"\x1bP1$r0m\x1b\\q", "q"),
    (b"\x1b[200~!f\r\nshop\x1b[201~q", "\"!f\\r\\nshop\" q"),
    (b"\x1b[200~\x1b[\x1b[20\x1b[201~", "\"\\u{1b}[\\u{1b}[20\""),
    (b"\xff\xc3q\x80", "q"),
];

#[test]
fn what_terminals_send_is_understood_wherever_it_is_cut() {
    for (bytes, means) in SENT {
        assert_eq!(told(&InputParser::default().push(bytes)), means, "{bytes:?}");
        for cut in 1..bytes.len() {
            let mut decoder = InputParser::default();
            let mut inputs = decoder.push(&bytes[..cut]);
            inputs.extend(decoder.push(&bytes[cut..]));
            assert_eq!(told(&inputs), means, "{bytes:?} cut at {cut}");
        }
    }
}

#[test]
fn an_escape_alone_is_the_key_once_nothing_follows() {
    let mut decoder = InputParser::default();
    assert!(decoder.push(b"\x1b").is_empty() && decoder.patience().is_some());
    assert_eq!(told(&decoder.quiet().into_iter().collect::<Vec<_>>()), "Esc");
    assert!(decoder.patience().is_none() && decoder.quiet().is_none());
    assert_eq!(told(&decoder.push(b"\x1b\x1bq")), "Esc Alt-q");
}

#[test]
fn a_sequence_cut_by_a_slow_link_is_never_read_as_letters() {
    for (head, rest) in [(&b"\x1b["[..], &b"A"[..]), (b"\x1b[20", b"0~!f\r\x1b[201~"), (b"\x1bO", b"A")] {
        let mut decoder = InputParser::default();
        assert!(decoder.push(head).is_empty());
        assert!(decoder.patience().is_none() && decoder.quiet().is_none(), "{head:?} has no limit");
        let inputs = decoder.push(rest);
        assert!(inputs.len() == 1 && !told(&inputs).starts_with('!'), "{}", told(&inputs));
    }
}

#[test]
fn an_answer_that_comes_in_pieces_over_a_slow_link_is_not_typed() {
    let mut decoder = InputParser::default();
    assert!(decoder.push(b"\x1b]").is_empty());
    assert_eq!(decoder.patience(), Some(ESCAPE), "a person may have pressed Alt-]");
    for piece in [&b"11;rg"[..], b"b:fdfd/f6f6", b"/e3e3\x1b"] {
        assert!(decoder.push(piece).is_empty());
        assert_eq!(decoder.patience(), Some(ANSWER));
    }
    assert_eq!(told(&decoder.push(b"\\q")), "background #fdf6e3 q");
}

#[test]
fn an_answer_that_does_not_end_gives_the_keys_back() {
    let mut decoder = InputParser::default();
    assert!(decoder.push(b"\x1b]11;rgb").is_empty() && decoder.patience().is_some());
    assert!(decoder.quiet().is_none());
    assert_eq!(told(&decoder.push(b"q")), "q");
}

#[test]
fn a_paste_without_measure_is_kept_up_to_a_limit() {
    let mut decoder = InputParser::default();
    assert!(decoder.push(b"\x1b[200~").is_empty());
    for _ in 0..1024 {
        assert!(decoder.push(&[b'y'; 4096]).is_empty());
    }
    assert!(decoder.seq.capacity() <= 4 * MOST_PASTED);
    let inputs = decoder.push(b"\x1b[201~q");
    let Input::Paste(text) = &inputs[0] else { panic!("{}", told(&inputs)) };
    assert_eq!(text.len(), MOST_PASTED);
    assert!(text.bytes().all(|byte| byte == b'y'));
    assert_eq!(told(&inputs[1..]), "q");
}

#[test]
fn a_sequence_without_end_is_dropped_whole() {
    let mut decoder = InputParser::default();
    assert!(decoder.push(b"\x1b[").is_empty());
    for _ in 0..1024 {
        assert!(decoder.push(&[b'1'; 1024]).is_empty());
    }
    assert!(decoder.push(b"A").is_empty());
    assert!(decoder.seq.capacity() <= 2 * LONGEST);
    assert_eq!(told(&decoder.push(b"q")), "q");
}

proptest! {
    /// Whatever comes, in whatever pieces: no panic, no growth, and the same inputs as in one piece.
    #[test]
    fn pieces_make_no_difference(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 1usize..40) {
        let whole = told(&InputParser::default().push(&bytes));
        let mut decoder = InputParser::default();
        let pieces: Vec<Input> = bytes.chunks(cut).flat_map(|piece| decoder.push(piece)).collect();
        prop_assert_eq!(whole, told(&pieces));
    }

    /// Nothing between the brackets of a paste is a key, whatever it is and however it is cut.
    #[test]
    fn nothing_in_a_paste_is_a_key(inside in proptest::collection::vec(any::<u8>(), 0..200), cut in 1usize..40) {
        prop_assume!(!inside.windows(6).any(|six| six == PASTE_END));
        let mut bytes = b"\x1b[200~".to_vec();
        bytes.extend(&inside);
        bytes.extend(PASTE_END);
        let mut decoder = InputParser::default();
        let inputs: Vec<Input> = bytes.chunks(cut).flat_map(|piece| decoder.push(piece)).collect();
        prop_assert!(matches!(&inputs[..], [Input::Paste(_)]), "{}", told(&inputs));
    }
}
