#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| receivers_fuzz::anything_is_borne(data));
