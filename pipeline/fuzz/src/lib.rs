//! What the targets hold to be true. Run one for ten minutes, from `pipeline`:
//! `cargo +nightly fuzz run traces -- -max_total_time=600` (or `metrics`, `logs`, `json`).

use bytes::Bytes;
use pipeline::{Batch, Budget, Lease, Request};

fn lease() -> Lease {
    Budget::new(usize::MAX / 2).lease(0).expect("an empty budget has room for nothing")
}

/// Bytes are admitted if and only if `prost` decodes them, with the `items` that it finds; and what is admitted
/// survives being cut, edited and written as JSON.
pub fn admitted_is_decoded<M: Request>(data: &[u8], items: impl Fn(&M) -> usize) {
    let decoded = M::decode(data);
    let admitted = Batch::admit(M::SIGNAL, Bytes::copy_from_slice(data), lease());
    match (admitted, decoded) {
        (Ok(batch), Ok(request)) => {
            assert_eq!(batch.items(), items(&request));
            stays_whole(batch);
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("admitted, but: {error}"),
        (Err(malformed), Ok(_)) => panic!("decodes, but: {malformed}"),
    }
}

/// What is admitted as JSON is a valid batch.
pub fn json_becomes_a_batch(data: &[u8]) {
    for signal in pipeline::Signal::ALL {
        if let Ok(batch) = Batch::admit_json(signal, data, lease()) {
            stays_whole(batch);
        }
    }
}

fn stays_whole(batch: Batch) {
    let items = batch.items();
    match Batch::admit_json(batch.signal(), &batch.to_json(), lease()) {
        Ok(again) => assert_eq!(again.items(), items),
        // Protobuf allows ids of any length, JSON does not.
        Err(malformed) => assert!(malformed.message.contains("hex digits"), "{malformed}"),
    }

    let mut edited = batch.clone();
    edited.edit_resources(|attributes| attributes.push(Default::default()));
    let bytes: Vec<u8> = edited.parts().flatten().copied().collect();
    let again = Batch::admit(batch.signal(), Bytes::from(bytes), lease()).expect("an edited batch is one");
    assert_eq!(again.items(), items);

    for by_items in [true, false] {
        let (mut rest, mut found) = (Some(batch.clone()), 0);
        while let Some(mut piece) = rest {
            rest = if by_items { piece.split_off_items(2) } else { piece.split_off_bytes(40) };
            assert!(!piece.is_empty() || rest.is_none());
            found += piece.items();
        }
        assert_eq!(found, items);
    }
}
