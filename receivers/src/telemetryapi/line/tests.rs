//! The lines of runtimes and loggers, as text.

use proptest::prelude::*;

use super::*;

const ID: &str = "5f1c4f7e-3a52-4a55-9a0c-0d3c5e9f1b11";
const AT: u64 = 1_767_225_600_520_000_000;

/// Time in milliseconds since 2026, level, number and request id of a line in which `ID` stands for an id.
fn told(line: &str) -> (Option<u64>, Option<(String, i32)>, bool) {
    let record = read(&line.replace("ID", ID), Some(AT)).unwrap_or_default();
    assert!(record.request_id.as_deref().is_none_or(|id| id == ID), "{line}");
    let time = record.time.map(|time| time / 1_000_000 - 1_767_225_600_000);
    (time, record.severity.map(|severity| (severity.text, severity.number)), record.request_id.is_some())
}

#[test]
fn the_layouts_of_runtimes_and_loggers_are_read() {
    for (line, time, level, has_id) in [
        // Node.js, Python, Java, .NET, Ruby, Rust.
        ("2026-01-01T00:00:00.519Z\tID\tINFO\thello\n", Some(519), ("INFO", 9), true),
        ("2026-01-01T00:00:00.519Z\tundefined\tWARN\tinit", Some(519), ("WARN", 13), false),
        ("2026-01-01T00:00:00.519Z\tID\tblue\tERROR\tboom", Some(519), ("ERROR", 17), true),
        ("2026-01-01T00:00:00.519Z\tID\tERROR\tInvoke Error \t{\"a\":1}", Some(519), ("ERROR", 17), true),
        ("[INFO]\t2026-01-01T00:00:00.519Z\tID\thello\n", Some(519), ("INFO", 9), true),
        ("[WARNING]\t2026-01-01T00:00:00.519Z\t\tat init", Some(519), ("WARNING", 13), false),
        ("[ERROR] ValueError: boom\nTraceback (most recent call last):\n", None, ("ERROR", 17), false),
        ("[ERROR] something failed\n", None, ("ERROR", 17), false),
        ("2026-01-01 00:00:00 ID INFO  Handler:12 - hello", Some(0), ("INFO", 9), true),
        ("00:00:00.519 [main] DEBUG com.example.Handler -- hello", None, ("DEBUG", 5), false),
        ("[main] INFO com.example.Handler - hello", None, ("INFO", 9), false),
        ("2026-01-01T00:00:00.519Z  INFO 8 --- [  main] c.e.Handler : hello", Some(519), ("INFO", 9), false),
        ("2026-01-01 00:00:00,519 [main] ERROR com.example.Handler - boom", Some(519), ("ERROR", 17), false),
        ("SEVERE: boom", None, ("SEVERE", 17), false),
        ("2026-01-01T00:00:00.519Z\tID\tinfo\thello\n", Some(519), ("info", 9), true),
        ("2026-01-01T00:00:00.519Z\tID\tfail\thello\n", Some(519), ("fail", 17), true),
        ("2026-01-01T00:00:00.519Z\t\ttrce\thello", Some(519), ("trce", 1), false),
        ("info: Example.Handler[0]\n      hello", None, ("info", 9), false),
        ("I, [2026-01-01T00:00:00.519123 #8]  INFO ID -- : hello", Some(519), ("INFO", 9), true),
        ("E, [2026-01-01T00:00:00.519123 #8] ERROR -- prog: boom", Some(519), ("ERROR", 17), false),
        ("2026-01-01T00:00:00.519123Z  INFO orders: hello", Some(519), ("INFO", 9), false),
        (" INFO orders: hello", None, ("INFO", 9), false),
        ("[2026-01-01T00:00:00Z WARN  orders] hello", Some(0), ("WARN", 13), false),
        (
            "\u{1b}[2m2026-01-01T00:00:00.519Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m \u{1b}[2morders\u{1b}[0m: hello",
            Some(519),
            ("INFO", 9),
            false,
        ),
        // Others beside them.
        ("INFO:root:hello", None, ("INFO", 9), false),
        ("info: hello", None, ("info", 9), false),
        ("2026/01/01 00:00:00 INFO hello k=v", Some(0), ("INFO", 9), false),
        ("time=2026-01-01T00:00:00.519Z level=INFO msg=hello", Some(519), ("INFO", 9), false),
        (r#"time="2026-01-01T01:00:00+01:00" level=warning msg="a b=c""#, Some(0), ("warning", 13), false),
        ("level=info msg=hello requestId=ID", None, ("info", 9), true),
        ("[2026-01-01 00:00:00 +0000] [8] [CRITICAL] hello", Some(0), ("CRITICAL", 21), false),
        ("2026-01-01T00:00:00.519Z\tinfo\thandler.go:12\thello", Some(519), ("info", 9), false),
        ("[00:00:00.519] INFO (8): hello", None, ("INFO", 9), false),
        ("2026-01-01 00:00:00,519 - app - ERROR - boom", Some(519), ("ERROR", 17), false),
        ("2026-01-01 00:00:00.519 | INFO     | app:handler:3 - hello", Some(519), ("INFO", 9), false),
        // The platform's own.
        ("2026-01-01T00:00:00.519Z ID Task timed out after 3.00 seconds\n\n", Some(519), ("", 17), true),
        (
            "RequestId: ID Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
            None,
            ("", 17),
            true,
        ),
        ("RequestId: ID Process exited before completing request", None, ("", 17), true),
    ] {
        assert_eq!(told(line), (time, Some((level.0.into(), level.1)), has_id), "{line}");
    }
}

#[test]
fn what_javas_runtime_writes_of_an_uncaught_exception_is_an_error() {
    for (message, class) in [
        ("order 2: one too many", "java.lang.IllegalStateException"),
        ("two\nlines", "com.example.Orders$TooMany"),
        ("TooMany", "TooMany"),
    ] {
        let trace = format!("{class}: {message}\n\tat com.example.Handler.handle(Handler.java:12)\n");
        assert_eq!(told(&format!("{message}: {class}\n{trace}\n")), (None, Some((String::new(), 17)), false));
        // One that the function printed itself may have been caught.
        assert_eq!(told(&trace), (None, None, false));
    }
}

#[test]
fn what_the_platform_echoes_has_an_id_and_no_level() {
    for line in [
        "START RequestId: ID Version: $LATEST",
        "END RequestId: ID\n",
        "REPORT RequestId: ID\tDuration: 1.00 ms\tBilled Duration: 2 ms",
    ] {
        assert_eq!(told(line), (None, None, true), "{line}");
    }
}

#[test]
fn the_span_of_rusts_runtime_tells_the_invocation_and_its_trace() {
    let header = "Root=1-67765a00-1f2e3d4c5b6a798812345678;Parent=53995c3f42cd8ad8;Sampled=1";
    let line =
        format!("INFO Lambda runtime invoke{{requestId=\"{ID}\" xrayTraceId=\"{header}\"}}: orders: hello");
    let record = read(&line, Some(AT)).unwrap();
    assert_eq!(record.request_id.as_deref(), Some(ID));
    assert_eq!(record.trace, Trace::of_header(header));
}

#[test]
fn what_could_be_part_of_a_message_is_not_taken() {
    for line in [
        "",
        "plain",
        "plain\r\n",
        "héllo 世界 😀",
        "\u{1b}[31mred\u{1b}[0m\u{0}",
        "ALL tests passed",
        "Error: boom",
        "error while sending",
        "ERROR_CODE=5",
        "FAIL src/a.test.js",
        "5 ERROR messages",
        "ID was ordered",
        "REPORT RequestId: x\tDuration: 1 ms",
        "RequestId: ID was ordered",
        "an INFO too late",
        "127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200",
        "2026-01-01 is a holiday",
        "level=unknown msg=hello",
        "time=now",
        "[1, 2, 3]",
        "START RequestId: ID-extended",
    ] {
        assert_eq!(told(line), (None, None, false), "{line}");
    }
}

#[test]
fn a_time_that_is_not_the_records_own_is_not_taken() {
    assert_eq!(told("2020-05-01T00:00:00Z order placed"), (None, None, false));
    assert_eq!(told("2026-01-01T02:00:00\tID\tINFO\tno zone"), (None, Some(("INFO".into(), 9)), true));
    assert_eq!(read("2026-01-01T00:00:00 no zone", None), None);
    assert_eq!(read("2026-01-01T00:00:00Z a zone", None).unwrap().time, Some(1_767_225_600_000_000_000));
}

proptest! {
    #[test]
    fn no_line_is_too_strange(
        any in ".*",
        line in "([0-9]{4}-01-01[T ]00:00:0[0-9]|Z|INFO|error|[\\[\\]():|,\t \u{1b}m=\"#é]|5f1c4f7e-3a52-4a55-9a0c-0d3c5e9f1b11|RequestId: |time=){0,12}"
    ) {
        let _ = (read(&any, Some(AT)), read(&line, Some(AT)), read(&line, None));
    }
}
