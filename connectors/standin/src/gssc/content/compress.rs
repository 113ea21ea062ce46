//! Compress: the `.Z` files of Unix, codes of 9 to 16 bits, least significant bit first.
//!
//! # Source
//! The format as `compress` 4.0 writes it: magic 1f 9d, then block mode with 16 bits, code 256 kept
//! for clearing; codes come in groups of eight, and a group is filled up where they become wider.

use std::collections::HashMap;

const FIRST_BITS: u32 = 9;
const MOST_BITS: u32 = 16;
const FIRST_FREE: u32 = 257;

/// Packs bytes.
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut codes = Codes {
        out: vec![0x1f, 0x9d, 0x80 | MOST_BITS as u8],
        n_bits: FIRST_BITS,
        pending: 0,
        n_pending: 0,
        n_in_group: 0,
    };
    let mut table: HashMap<(u32, u8), u32> = HashMap::new();
    let mut next_free = FIRST_FREE;
    let mut bytes = bytes.iter().copied();
    let Some(first) = bytes.next() else {
        return codes.out;
    };
    let mut prefix = u32::from(first);
    for byte in bytes {
        if let Some(code) = table.get(&(prefix, byte)) {
            prefix = *code;
            continue;
        }
        codes.write(prefix);
        codes.widen(next_free);
        if next_free < 1 << MOST_BITS {
            table.insert((prefix, byte), next_free);
            next_free += 1;
        }
        prefix = u32::from(byte);
    }
    codes.write(prefix);
    codes.finish()
}

struct Codes {
    out: Vec<u8>,
    n_bits: u32,
    pending: u64,
    n_pending: u32,
    n_in_group: u32,
}

impl Codes {
    fn write(&mut self, code: u32) {
        self.pending |= u64::from(code) << self.n_pending;
        self.n_pending += self.n_bits;
        while self.n_pending >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.n_pending -= 8;
        }
        self.n_in_group = (self.n_in_group + 1) % 8;
    }

    /// Makes codes wider when those in use no longer fit, from a new group on.
    fn widen(&mut self, next_free: u32) {
        if self.n_bits == MOST_BITS || next_free < 1 << self.n_bits {
            return;
        }
        while self.n_in_group != 0 {
            self.write(0);
        }
        self.n_bits += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        if self.n_pending > 0 {
            self.out.push(self.pending as u8);
        }
        self.out
    }
}
