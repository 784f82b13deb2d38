//! Where a list goes on: a position under a seal, so that nobody makes one up.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::problem::Problem;

const SEAL: usize = 16;
/// Longer than any position sealed.
const LONGEST: usize = 1024;

/// What the cursors of one API key are sealed with: made of what opens the key, so nothing is to be
/// kept or read for it.
#[derive(Clone)]
pub(crate) struct CursorKey([u8; 32]);

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey")
    }
}

impl CursorKey {
    pub fn of(token: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"pesan cursor\0");
        hash.update(token.as_bytes());
        Self(hash.finalize().into())
    }

    fn mac(&self, list: &str, position: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(list.as_bytes());
        mac.update(&[0]);
        mac.update(position);
        Some(mac)
    }

    /// The cursor of a position in a list. A list's name says its filters too.
    pub fn seal(&self, list: &str, position: &str) -> String {
        let seal = self.mac(list, position.as_bytes());
        let seal = seal.map(|mac| mac.finalize().into_bytes());
        let seal = seal.iter().flatten().take(SEAL).copied();
        let bytes: Vec<u8> = seal.chain(position.bytes()).collect();
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The position under a cursor of the same list.
    pub fn open(&self, list: &str, cursor: &str) -> Result<String, Problem> {
        self.opened(list, cursor)
            .ok_or_else(Problem::invalid_cursor)
    }

    fn opened(&self, list: &str, cursor: &str) -> Option<String> {
        if cursor.len() > LONGEST {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
        let (seal, position) = bytes.split_at_checked(SEAL)?;
        let mac = self.mac(list, position)?;
        mac.verify_truncated_left(seal).ok()?;
        String::from_utf8(position.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cursor_of_the_same_key_and_list_opens() {
        let (own, other) = (CursorKey::of("pk_a"), CursorKey::of("pk_b"));
        let cursor = own.seal("plans", "PLAN#basic");
        assert_eq!(own.open("plans", &cursor).unwrap(), "PLAN#basic");
        assert!(other.open("plans", &cursor).is_err());
        assert!(own.open("subscribers", &cursor).is_err());
        for at in 0..cursor.len() {
            let mut forged = cursor.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(own.open("plans", &forged).is_err(), "{forged}");
        }
        for bad in ["", "A", "!", &"A".repeat(2_000), &cursor[1..]] {
            assert!(own.open("plans", bad).is_err(), "{bad}");
        }
    }
}
