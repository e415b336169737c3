use super::*;

const DONE: &str = r#"{"time":"2026-01-01T00:00:00.640Z","type":"platform.runtimeDone","record":{"requestId":"r1","status":"success"}}"#;

fn function(time: &str, record: &str) -> String {
    format!(r#"{{"time":"2026-01-01T00:00:{time}Z","type":"function","record":{record}}}"#)
}

/// What is heard of deliveries, one after the other.
fn hear(deliveries: &mut Deliveries, bodies: &[impl AsRef<[u8]>]) -> Heard {
    let mut all = Heard::default();
    for body in bodies {
        let heard = deliveries.take(&mut body.as_ref().to_vec(), None, false);
        all.events.extend(heard.events);
        all.end(heard.done);
    }
    all
}

fn records(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.record.to_string()).collect()
}

/// Two deliveries as the platform makes them of `before`, `event` cut at `at` bytes of its record, and `after`.
fn cut(before: &[&str], event: &str, at: &[usize], after: &[&str]) -> Vec<String> {
    let (frame, record) = event.split_at(frame(event.as_bytes()).unwrap());
    let mut pieces: Vec<String> = Vec::new();
    let mut from = 0;
    for end in at {
        pieces.push(format!("{frame}{}}}", &record[from..*end]));
        from = *end;
    }
    pieces.push(format!("{frame}{}", &record[from..]));
    let (first, last) = (0, pieces.len() - 1);
    let list = |(number, piece): (usize, String)| {
        let before = before.iter().filter(|_| number == first).copied();
        let after = after.iter().filter(|_| number == last).copied();
        format!("[{}]", before.chain([&*piece]).chain(after).collect::<Vec<_>>().join(","))
    };
    pieces.into_iter().enumerate().map(list).collect()
}

#[test]
fn a_record_cut_anywhere_is_whole_again_and_so_are_its_neighbours() {
    let (one, two) = (function("01.000", r#""one""#), function("01.001", r#""two""#));
    for record in [
        r#"{"message":"a \"b\" \\ [1,{}] é\u00e9","n":[1,2.5,{"x":null}],"time":1,"in":[{"time":"t","type":"u"}]}"#,
        r#""a text, \"quoted\": }],[{ \\""#,
        r#"[1,[2,"]"],{"a":{}}]"#,
    ] {
        let big = function("01.001", record);
        let whole: Value = serde_json::from_str(record).unwrap();
        for at in (1..record.len()).filter(|at| record.is_char_boundary(*at)) {
            let mut deliveries = Deliveries::default();
            let heard = hear(&mut deliveries, &cut(&[&one], &big, &[at], &[&two, DONE]));
            let kinds: Vec<_> = heard.events.iter().map(|event| &event.record).collect();
            assert_eq!(heard.events.len(), 4, "{at}: {kinds:?}");
            assert_eq!((kinds[0], kinds[1], kinds[2]), (&"one".into(), &whole, &"two".into()), "{at}");
            assert_eq!((heard.done, deliveries.bytes()), (vec!["r1".to_owned()], 0), "{at}");
        }
    }
}

#[test]
fn a_record_cut_more_than_once_is_whole_again() {
    let big = function("01.000", r#"{"message":"abcdefghijklmnopqrstuvwxyz","level":"INFO"}"#);
    for (first, second) in [(1, 2), (5, 30), (13, 14), (20, 45)] {
        let bodies = cut(&[DONE], &big, &[first, second], &[]);
        let heard = hear(&mut Deliveries::default(), &bodies);
        assert_eq!(heard.events[1].record["message"], "abcdefghijklmnopqrstuvwxyz", "{bodies:?}");
        assert_eq!(heard.events.len(), 2);
    }
}

#[test]
fn halves_that_come_in_the_wrong_order_find_each_other() {
    let big = function("01.000", r#"{"message":"abcdefghijklmnopqrstuvwxyz"}"#);
    let mut bodies = cut(&[], &big, &[20], &[DONE]);
    bodies.reverse();
    let heard = hear(&mut Deliveries::default(), &bodies);
    assert_eq!(records(&heard.events)[1], r#"{"message":"abcdefghijklmnopqrstuvwxyz"}"#);
    assert_eq!(heard.events.len(), 2);
}

#[test]
fn what_comes_between_two_halves_is_heard_at_once() {
    let big = function("01.000", r#"{"message":"abcdefghijklmnopqrstuvwxyz"}"#);
    let between = format!("[{}]", function("01.000", r#""between""#));
    let bodies = cut(&[], &big, &[20], &[DONE]);
    let heard = hear(&mut Deliveries::default(), &[&bodies[0], &between, &bodies[1]]);
    assert_eq!(records(&heard.events)[..2], [r#""between""#, r#"{"message":"abcdefghijklmnopqrstuvwxyz"}"#]);
}

#[test]
fn a_half_that_never_goes_on_is_let_go_as_text() {
    for (record, text) in
        [(r#"{"message":"abc"}"#, r#"{"message":"#), (r#""a \"quoted\" text""#, r#"a "quoted"#)]
    {
        let big = function("01.000", record);
        let mut deliveries = Deliveries::default();
        let heard = hear(&mut deliveries, &cut(&[DONE], &big, &[11], &[])[..1]);
        assert_eq!((heard.events.len(), deliveries.wait_for_more()), (1, true));
        let events = deliveries.let_go();
        assert_eq!((&*events[0].kind, &events[0].record), ("function", &Value::from(text)));
        assert_eq!((events.len(), deliveries.wait_for_more()), (1, false));
    }
}

#[test]
fn the_end_of_an_invocation_is_found_wherever_its_own_record_is_cut() {
    let (frame, record) = DONE.split_at(frame(DONE.as_bytes()).unwrap());
    for at in 0..record.len() - 1 {
        let bodies = [format!("[{frame}{}}}]", &record[..at]), format!("[{frame}{}]", &record[at..])];
        let heard = hear(&mut Deliveries::default(), &bodies);
        assert_eq!((&*heard.done, heard.events.len()), (&["r1".to_owned()][..], 1), "{bodies:?}");
    }
}

#[test]
fn the_end_of_an_invocation_is_found_beside_a_record_that_is_not_whole() {
    let half = r#"{"time":"2026-01-01T00:00:01.000Z","type":"function","record":BBBB"}}"#;
    for bodies in [
        vec![format!("[{half},{DONE}]")],
        vec![format!("[{DONE},{half}]")],
        vec![format!("[{half}]"), format!("[{half},{DONE}]")],
        vec![format!("[{DONE}")],
        vec![format!("[{}", &DONE[..DONE.len() - 5])],
    ] {
        assert_eq!(hear(&mut Deliveries::default(), &bodies).done, ["r1"], "{bodies:?}");
    }
}

#[test]
fn a_log_line_that_quotes_the_end_of_an_invocation_is_none() {
    let line = function("01.000", &serde_json::to_string(DONE).unwrap());
    assert_eq!(hear(&mut Deliveries::default(), &[format!("[{line}]")]).done, [""; 0]);
    assert_eq!(hear(&mut Deliveries::default(), &[format!("[{}", &line[..line.len() - 2])]).done, [""; 0]);
}

#[test]
fn odd_neighbours_cost_nothing() {
    let odd = r#"{"time":1,"type":"platform.new","record":7},{},17,null,{"type":"platform.runtimeDone","record":"text"},{"type":"platform.runtimeDone","record":{"requestId":9}}"#;
    let heard = hear(&mut Deliveries::default(), &[format!("[{odd},{DONE}]"), format!("[{odd},x,{DONE}]")]);
    assert_eq!(heard.done, ["r1"]);
    assert_eq!(heard.events.iter().filter(|event| event.kind == "platform.new").count(), 2);
}

#[test]
fn a_delivery_that_comes_again_is_heard_once() {
    let big = function("01.000", r#"{"message":"abcdefghijklmnopqrstuvwxyz"}"#);
    let bodies = cut(&[DONE], &big, &[15, 20], &[]);
    let twice: Vec<_> = bodies.iter().flat_map(|body| [body, body]).collect();
    let heard = hear(&mut Deliveries::default(), &twice);
    assert_eq!(records(&heard.events)[1], r#"{"message":"abcdefghijklmnopqrstuvwxyz"}"#);
    assert_eq!((heard.events.len(), heard.done.len()), (2, 1));
}

#[test]
fn a_full_delivery_of_one_line_over_and_over_may_be_followed_by_the_same() {
    let line = function("01.000", r#""tick""#);
    let full = format!("[{}]", vec![&*line; 1000].join(","));
    let heard = hear(&mut Deliveries::default(), &[&full, &full]);
    assert_eq!(heard.events.len(), 2000);
    let (numbered, few): (Vec<_>, _) =
        ((0..1000).map(|n| function("01.000", &n.to_string())).collect(), format!("[{line},{line}]"));
    let numbered = format!("[{}]", numbered.join(","));
    let heard = hear(&mut Deliveries::default(), &[&numbered, &numbered, &few, &few]);
    assert_eq!(heard.events.len(), 1002);
}

#[test]
fn a_record_whose_inner_parts_are_the_same_keeps_them_all() {
    let text = "x".repeat(1 << 20);
    let big = function("01.000", &format!(r#""{text}""#));
    let at: Vec<_> = (1..=4).map(|part| part * (256 << 10)).collect();
    let heard = hear(&mut Deliveries::default(), &cut(&[], &big, &at, &[DONE]));
    assert_eq!(heard.events[0].record.as_str().map(str::len), Some(text.len()));
    assert_eq!(heard.events.len(), 2);
}

#[test]
fn a_delivery_whose_connection_was_lost_is_heard_once_when_it_comes_again_and_at_the_end_if_not() {
    let body = format!("[{},{DONE}]", function("01.000", r#""one""#)).into_bytes();
    let begun = body[..body.len() - 20].to_vec();
    let mut deliveries = Deliveries::default();
    assert_eq!(deliveries.break_off(begun.clone()), Heard { events: vec![], done: vec!["r1".into()] });
    assert_eq!(hear(&mut deliveries, &[&body]).events.len(), 2);
    assert_eq!((deliveries.end(), deliveries.bytes()), (vec![], 0));
    deliveries.break_off(begun.clone());
    assert_eq!(deliveries.end(), [], "noticed when it had come again");
    let mut deliveries = Deliveries::default();
    deliveries.break_off(begun);
    assert_eq!(records(&deliveries.end())[0], r#""one""#);
}

/// Reads `body` in pieces of `size` and takes it in slices of `slice`.
fn stream(deliveries: &mut Deliveries, body: &str, size: usize, slice: usize) -> Heard {
    let (mut buffer, mut all) = (Vec::new(), Heard::default());
    let mut pieces = body.as_bytes().chunks(size).peekable();
    while let Some(piece) = pieces.next() {
        buffer.extend_from_slice(piece);
        if pieces.peek().is_none() || buffer.len() >= slice {
            let heard = deliveries.take(&mut buffer, None, pieces.peek().is_some());
            all.events.extend(heard.events);
            all.end(heard.done);
        }
    }
    assert!(buffer.is_empty());
    all
}

#[test]
fn a_delivery_taken_in_slices_is_the_same() {
    let events: Vec<_> =
        (0..40).map(|n| function("01.000", &format!(r#"{{"n":{n},"list":[{{"time":1}}]}}"#))).collect();
    let body = format!("[{},{DONE}]", events.join(","));
    let whole = hear(&mut Deliveries::default(), &[&body]);
    for (size, slice) in [(1, 1), (7, 100), (100, 100), (64, 1000), (5000, 1)] {
        let mut deliveries = Deliveries::default();
        assert_eq!(stream(&mut deliveries, &body, size, slice), whole, "{size} {slice}");
        assert!(!deliveries.wait_for_more());
    }
}

#[test]
fn a_record_without_end_comes_in_parts_and_memory_stays_bounded() {
    let mut deliveries = Deliveries::default();
    let body = format!("[{},{DONE}]", function("01.000", &format!(r#"["{}"]"#, "é".repeat(LONGEST * 3 / 2))));
    let heard = stream(&mut deliveries, &body, LONGEST / 3, SLICE);
    assert!(deliveries.bytes() <= LONGEST);
    let parts = [heard.events, deliveries.let_go()].concat();
    let letters: usize = parts.iter().filter_map(|event| event.record.as_str()).map(str::len).sum();
    assert!(letters >= LONGEST * 3, "{letters}");
    assert_eq!(heard.done, ["r1"]);
}

#[test]
fn no_delivery_is_too_strange() {
    let nested = function("01.000", "").replace('}', "").repeat(20_000);
    for body in [
        "",
        "{}",
        "[",
        "]",
        "null",
        "\0",
        "[[",
        "}]",
        r#""platform.runtimeDone""#,
        r#"["platform.runtimeDone","requestId"#,
        &nested,
    ] {
        for more in [false, true] {
            let mut deliveries = Deliveries::default();
            let heard = deliveries.take(&mut body.as_bytes().to_vec(), None, more);
            assert_eq!(heard.done, [""; 0], "{body:?}");
            deliveries.let_go();
        }
    }
}

#[test]
fn what_follows_an_event_that_only_looked_cut_is_heard_too() {
    let (one, two) = (function("01.000", "1"), function("01.000", r#"{"a":1}"#));
    let heard = hear(&mut Deliveries::default(), &[format!("[{one},}}]"), format!("[{two}]")]);
    assert_eq!(records(&heard.events), [r#"{"a":1}"#]);
}
