#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| receivers_fuzz::cut_records_arrive_whole_and_once(data));
