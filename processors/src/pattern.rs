//! Regular expressions as users write them.

use regex_lite::Regex;

/// Compiles a pattern, or says what is wrong with it.
///
/// `regex-lite` has the meaning that Go gives to `\w`, `\d` and `\b` (ASCII), the same linear time, and costs the
/// binary 85 KB, not the 1.4 MB of `regex`; what it lacks are Unicode classes (`\p{Greek}`) and `\Q..\E`, which are
/// mistakes here.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| format!("found {pattern}, which is no regular expression: {error}"))
}
