#![no_main]

use exporters_fuzz::spans_become_valid_documents;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| spans_become_valid_documents(data));
