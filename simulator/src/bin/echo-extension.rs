//! The smallest extension: prints what the platform tells it. The simulator's tests run it.
//!
//! `ECHO_TELEMETRY=port,port` subscribes these ports; `ECHO_WAIT=platform.runtimeDone` asks for the next event only
//! after such telemetry; `ECHO_EVENTS=INVOKE` registers only that; `ECHO_FAULT=init-error|exit-error|crash|stay`
//! misbehaves: in its init, in its first invocation (`exit-error`, `crash`), or by not exiting at SHUTDOWN;
//! `ECHO_REFUSE=n` refuses the first n batches of telemetry. With the argument `runtime` it is the smallest runtime
//! instead: it answers each event with the event, or fails with the error type in the event's `fail`; an event with
//! `meet` is answered when as many are there as it takes at once (`AWS_LAMBDA_MAX_CONCURRENCY`); where there is
//! a channel for frames, it writes the event there too, as if at one second and 234 ms of 2026.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::{env, process, thread};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = env::var("AWS_LAMBDA_RUNTIME_API")?;
    if env::args().nth(1).as_deref() == Some("runtime") {
        let workers =
            env::var("AWS_LAMBDA_MAX_CONCURRENCY").ok().and_then(|most| most.parse().ok()).unwrap_or(1);
        let meeting = Barrier::new(workers);
        return thread::scope(|scope| {
            let start = |_| scope.spawn(|| runtime(&api, &meeting));
            let workers: Vec<_> = (0..workers).map(start).collect();
            workers
                .into_iter()
                .try_for_each(|worker| Ok(worker.join().map_err(|_| "a worker panicked")??))
        });
    }
    let setting = |name: &str| env::var(name).unwrap_or_default();
    let name = env::args().next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default().to_owned();
    let events = match setting("ECHO_EVENTS").as_str() {
        "" => r#"["INVOKE","SHUTDOWN"]"#.to_owned(),
        event => format!(r#"["{event}"]"#),
    };
    let register = format!(r#"{{"events":{events}}}"#);
    let features =
        [("Lambda-Extension-Name", name.as_str()), ("Lambda-Extension-Accept-Feature", "accountId")];
    let (head, body) = call(&api, "POST /2020-01-01/extension/register", &features, &register)?;
    println!("registered: {body}");
    let id = header(&head, "lambda-extension-identifier").ok_or(body)?;
    let id = [("Lambda-Extension-Identifier", id.as_str())];
    let telemetry = subscribe(&api, &id, &setting("ECHO_TELEMETRY"))?;
    let fault = setting("ECHO_FAULT");
    if fault == "init-error" {
        report(&api, &id, "init")?;
    }
    let wait = setting("ECHO_WAIT");
    loop {
        let (_, event) = call(&api, "GET /2020-01-01/extension/event/next", &id, "")?;
        println!("event: {event}");
        if event.contains("SHUTDOWN") {
            match fault.as_str() {
                "stay" => loop {
                    thread::park();
                },
                _ => return Ok(()),
            }
        }
        match fault.as_str() {
            "crash" => process::exit(3),
            "exit-error" => report(&api, &id, "exit")?,
            _ => {}
        }
        while !wait.is_empty() && !telemetry.recv()?.contains(&wait) {}
    }
}

fn runtime(api: &str, meeting: &Barrier) -> std::io::Result<()> {
    if env::var("AWS_LAMBDA_INITIALIZATION_TYPE").as_deref() == Ok("snap-start") {
        call(api, "GET /2018-06-01/runtime/restore/next", &[], "")?;
        println!("restored");
    }
    loop {
        let (head, event) = call(api, "GET /2018-06-01/runtime/invocation/next", &[], "")?;
        println!("function: {event}");
        if let Ok(descriptor) = env::var("_LAMBDA_TELEMETRY_LOG_FD") {
            let mut channel = File::options().write(true).open(format!("/proc/self/fd/{descriptor}"))?;
            channel.write_all(&frame(1_767_225_601_234_567, &event))?;
        }
        if event.contains("meet") {
            meeting.wait();
        }
        let id = header(&head, "lambda-runtime-aws-request-id").unwrap_or_default();
        let invocation = format!("POST /2018-06-01/runtime/invocation/{id}");
        match event.split_once(r#""fail":""#).and_then(|(_, rest)| rest.split_once('"')) {
            None => call(api, &format!("{invocation}/response"), &[], &event)?,
            Some((error, _)) => {
                let headers = [("Lambda-Runtime-Function-Error-Type", error)];
                call(api, &format!("{invocation}/error"), &headers, "{}")?
            }
        };
    }
}

/// A frame of text of level INFO.
fn frame(micros: u64, text: &str) -> Vec<u8> {
    let length = (text.len() as u32).to_be_bytes();
    [&0xA55A_000F_u32.to_be_bytes()[..], &length, &micros.to_be_bytes(), text.as_bytes()].concat()
}

fn report(api: &str, id: &[(&str, &str)], when: &str) -> std::io::Result<()> {
    let headers = [id[0], ("Lambda-Extension-Function-Error-Type", "Extension.Echo")];
    call(api, &format!("POST /2020-01-01/extension/{when}/error"), &headers, "")?;
    process::exit(1)
}

/// Subscribes each of the ports; what they are sent is printed and handed over.
fn subscribe(api: &str, id: &[(&str, &str)], ports: &str) -> std::io::Result<Receiver<String>> {
    let (sender, receiver) = channel();
    for port in ports.split(',').filter(|port| !port.is_empty()) {
        let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
        let (sender, label) = (sender.clone(), port.to_owned());
        thread::spawn(move || listen(&listener, &label, &sender));
        let body = format!(
            r#"{{"schemaVersion":"2025-01-29","types":["platform","function"],"buffering":{{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}},"destination":{{"protocol":"HTTP","URI":"http://sandbox.localdomain:{port}"}}}}"#
        );
        let (_, answer) = call(api, "PUT /2022-07-01/telemetry", id, &body)?;
        println!("subscribed: {answer}");
    }
    Ok(receiver)
}

fn listen(listener: &TcpListener, label: &str, bodies: &Sender<String>) {
    let refuse = env::var("ECHO_REFUSE").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let left = Arc::new(AtomicUsize::new(refuse));
    for stream in listener.incoming().flatten() {
        let left = Arc::clone(&left);
        let (label, bodies) = (label.to_owned(), bodies.clone());
        thread::spawn(move || -> std::io::Result<()> {
            let mut reader = BufReader::new(stream.try_clone()?);
            let mut stream = stream;
            while let Some((_, body)) = read(&mut reader)? {
                let refused = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
                if refused {
                    stream.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")?;
                    continue;
                }
                println!("telemetry {label}: {body}");
                let _ = bodies.send(body);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            }
            Ok(())
        });
    }
}

/// One request on a connection of its own: head and body of the answer.
fn call(api: &str, line: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(api)?;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    write!(stream, "{line} HTTP/1.1\r\nHost: {api}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")?;
    read(&mut BufReader::new(stream))?.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| line.to_lowercase().strip_prefix(&format!("{name}: ")).map(str::to_owned))
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Option<(String, String)>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Some((head, String::from_utf8_lossy(&body).into_owned())))
}
