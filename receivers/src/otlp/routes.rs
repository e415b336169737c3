//! Which signal a path of OTLP/HTTP belongs to, by the rules of the Go server that configurations were written for.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use pipeline::Signal;

use super::config::Http;

/// The paths and their signals.
#[derive(Debug)]
pub(super) struct Routes(Vec<(String, Signal)>);

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Export requests of a signal.
    Export(Signal),
    /// The same place under its proper name.
    Moved(String),
    /// Nothing.
    Unknown,
}

/// The signal whose path another one has, too.
pub(super) fn ambiguous(config: &Http) -> Option<Signal> {
    let paths = patterns(config);
    let twice = (1..paths.len()).find(|&n| paths[..n].iter().any(|(path, _)| *path == paths[n].0))?;
    Some(paths[twice].1)
}

fn patterns(config: &Http) -> [(String, Signal); 3] {
    [
        (&config.traces_url_path, Signal::Traces),
        (&config.metrics_url_path, Signal::Metrics),
        (&config.logs_url_path, Signal::Logs),
    ]
    .map(|(path, signal)| (if path.starts_with('/') { path.clone() } else { format!("/{path}") }, signal))
}

impl Routes {
    /// The paths of those signals that are `taken`; the others are unknown.
    pub fn new(config: &Http, taken: impl Fn(Signal) -> bool) -> Self {
        Routes(patterns(config).into_iter().filter(|(_, signal)| taken(*signal)).collect())
    }

    /// Where `path` leads to.
    pub fn find(&self, path: &str) -> Route {
        let clean = clean(path);
        let found = self.lookup(&clean);
        if found.is_none_or(|(_, exact)| !exact)
            && !clean.ends_with('/')
            && self.lookup(&format!("{clean}/")).is_some_and(|(_, exact)| exact)
        {
            return Route::Moved(format!("{clean}/"));
        }
        match (found, clean) {
            (_, Cow::Owned(clean)) => Route::Moved(clean),
            (Some((signal, _)), _) => Route::Export(signal),
            (None, _) => Route::Unknown,
        }
    }

    /// The signal of the longest path that `path` matches, and whether it is that path and not just below it.
    fn lookup(&self, path: &str) -> Option<(Signal, bool)> {
        let found = self.0.iter().filter_map(|(pattern, signal)| {
            let exact = matches(pattern, path)?;
            Some((pattern.len(), *signal, exact))
        });
        found.max_by_key(|(length, ..)| *length).map(|(_, signal, exact)| (signal, exact))
    }
}

/// Whether `path` is `pattern`, segment by segment, or lies below it (false) if it ends in a slash.
fn matches(pattern: &str, path: &str) -> Option<bool> {
    if pattern == path {
        return Some(true);
    }
    let mut segments = path.split('/');
    for wanted in pattern.strip_suffix('/').unwrap_or(pattern).split('/') {
        if !percent_decode_str(segments.next()?).eq(wanted.bytes()) {
            return None;
        }
    }
    match (pattern.ends_with('/'), segments.next()) {
        (false, None) => Some(true),
        (true, Some(rest)) => Some(rest.is_empty() && segments.next().is_none()),
        _ => None,
    }
}

/// `path` without empty, `.` and `..` segments; borrowed if it has none.
fn clean(path: &str) -> Cow<'_, str> {
    if !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let mut clean = format!("/{}", kept.join("/"));
    if path.ends_with('/') && clean != "/" {
        clean.push('/');
    }
    if clean == path { Cow::Borrowed(path) } else { Cow::Owned(clean) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str) -> Route {
        let config = Http {
            traces_url_path: "/custom/t".into(),
            metrics_url_path: "m".into(),
            logs_url_path: "/v1/logs/".into(),
            ..Http::default()
        };
        Routes::new(&config, |_| true).find(path)
    }

    #[test]
    fn a_path_belongs_to_the_signal_it_was_given_to() {
        assert_eq!(find("/custom/t"), Route::Export(Signal::Traces));
        assert_eq!(find("/custom/%74"), Route::Export(Signal::Traces));
        assert_eq!(find("/m"), Route::Export(Signal::Metrics));
        for unknown in ["/", "/v1/traces", "/custom/t/", "/custom%2Ft", "/M", "", "*"] {
            assert_eq!(find(unknown), Route::Unknown, "{unknown}");
        }
    }

    #[test]
    fn a_path_that_ends_in_a_slash_is_that_of_all_below_it() {
        assert_eq!(find("/v1/logs/"), Route::Export(Signal::Logs));
        assert_eq!(find("/v1/logs/below/it"), Route::Export(Signal::Logs));
        assert_eq!(find("/v1/logs"), Route::Moved("/v1/logs/".into()));
        assert_eq!(find("/v1/log"), Route::Unknown);
    }

    #[test]
    fn a_path_with_empty_or_dotted_segments_moved_to_its_clean_form() {
        assert_eq!(find("//custom//t"), Route::Moved("/custom/t".into()));
        assert_eq!(find("/custom/x/../t"), Route::Moved("/custom/t".into()));
        assert_eq!(find("/./m/"), Route::Moved("/m/".into()));
        assert_eq!(find("/custom/.t"), Route::Unknown);
    }

    #[test]
    fn a_signal_that_no_pipeline_takes_has_no_path() {
        let routes = Routes::new(&Http::default(), |signal| signal == Signal::Logs);
        assert_eq!(routes.find("/v1/logs"), Route::Export(Signal::Logs));
        assert_eq!(routes.find("/v1/traces"), Route::Unknown);
    }

    #[test]
    fn two_signals_of_one_path_are_noticed() {
        let same = Http { logs_url_path: "v1/traces".into(), ..Http::default() };
        assert_eq!((ambiguous(&same), ambiguous(&Http::default())), (Some(Signal::Logs), None));
    }
}
