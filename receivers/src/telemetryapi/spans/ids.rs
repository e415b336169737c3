//! Ids that nobody has.

use ring::rand::{SecureRandom, SystemRandom};

/// A random id of `N` bytes, not all zero, which would be none.
///
/// From the operating system each time: a generator of our own would be part of a snapshot, and every environment
/// that is restored from it would make the same ids.
pub fn random<const N: usize>() -> [u8; N] {
    let mut id = [0; N];
    // It fails where the system has no random numbers; then there is no TLS either.
    if SystemRandom::new().fill(&mut id).is_err() || id == [0; N] {
        id[N - 1] = 1;
    }
    id
}
