#![no_main]

use exporters_fuzz::any_text_has_exceptions_within_bounds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| any_text_has_exceptions_within_bounds(data));
