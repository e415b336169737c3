#![no_main]

use libfuzzer_sys::fuzz_target;
use pipeline_fuzz::json_becomes_a_batch;

fuzz_target!(|data: &[u8]| json_becomes_a_batch(data));
