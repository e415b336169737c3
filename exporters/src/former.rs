//! Keys that exporters had in former years, and keys that change nothing beside a function.

use config::Former::{self, AlwaysTrue, Idle, Now};

const STORAGE: &str = "what waits is kept in memory, a sandbox has no disk that outlives it";
const NO_WAIT: &str = "a receiver never waits for a queue";
const MERGED: &str = "what waits is merged when it is sent, and a flush never waits for more";
const OTHER_CLIENT: &str = "it tunes another HTTP client";

/// Before 2021 the keys of `tls` stood beside the others.
pub(crate) const TLS: [(&str, Former); 10] = [
    ("insecure", Now("tls.insecure")),
    ("insecure_skip_verify", Now("tls.insecure_skip_verify")),
    ("ca_file", Now("tls.ca_file")),
    ("cert_file", Now("tls.cert_file")),
    ("key_file", Now("tls.key_file")),
    ("min_version", Now("tls.min_version")),
    ("max_version", Now("tls.max_version")),
    ("server_name_override", Now("tls.server_name_override")),
    ("tls.reload_interval", Idle("no sandbox lives long enough")),
    ("tls.tpm", Idle("there is no such module in a sandbox")),
];

/// `sending_queue`, and `batcher`, which became a part of it.
pub(crate) const QUEUE: [(&str, Former); 13] = [
    (
        "sending_queue.enabled",
        AlwaysTrue("a function never waits for a backend, and each flush empties the queue"),
    ),
    ("sending_queue.storage", Idle(STORAGE)),
    ("sending_queue.persistent_storage_enabled", Idle(STORAGE)),
    ("sending_queue.block_on_overflow", Idle(NO_WAIT)),
    ("sending_queue.blocking", Idle(NO_WAIT)),
    ("sending_queue.wait_for_result", Idle("a receiver answers when data is in the queue")),
    ("sending_queue.batch.enabled", AlwaysTrue(MERGED)),
    ("sending_queue.batch.flush_timeout", Idle(MERGED)),
    ("sending_queue.batch.min_size", Idle(MERGED)),
    ("sending_queue.batch.min_size_items", Idle(MERGED)),
    ("sending_queue.batch.max_size_items", Now("sending_queue.batch.max_size")),
    ("sending_queue.batch.partition", Idle("the metadata of requests is not carried")),
    (
        "batcher",
        Idle("it is retired, and what waits is merged anyhow; sending_queue.batch.max_size sets a limit"),
    ),
];

/// What tunes the Go Collector's HTTP client.
pub(crate) const HTTP_CLIENT: [(&str, Former); 11] = [
    ("read_buffer_size", Idle(OTHER_CLIENT)),
    ("write_buffer_size", Idle(OTHER_CLIENT)),
    ("max_idle_conns", Idle(OTHER_CLIENT)),
    ("max_idle_conns_per_host", Idle(OTHER_CLIENT)),
    ("max_conns_per_host", Idle(OTHER_CLIENT)),
    ("idle_conn_timeout", Idle("connections that sat through a freeze are replaced anyhow")),
    ("disable_keep_alives", Idle(OTHER_CLIENT)),
    ("force_attempt_http2", Idle("HTTP/1.1 is spoken")),
    ("http2_read_idle_timeout", Idle("HTTP/1.1 is spoken")),
    ("http2_ping_timeout", Idle("HTTP/1.1 is spoken")),
    ("cookies", Idle("no cookie is kept")),
];

/// Parts that another distribution would plug into its client.
pub(crate) const MIDDLEWARES: (&str, Former) = ("middlewares", Idle("there are none in this distribution"));
