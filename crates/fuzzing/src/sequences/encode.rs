//! Sequences as records in the memory of the interpreter.

use super::call::{Argument, Buffer, Sequence, Subscription};
use super::functions::{Cell, Kind};

/// Where the guest's own writes begin: the buffer of its trace. Below lies what small numbers taken for pointers point at.
pub(super) const TRACE: u32 = 512;
/// A place that several buffers of a sequence may share.
pub const SHARED: u32 = 1024;
/// Where the interpreter puts what it knows of each descriptor.
pub const CENSUS: u32 = 4096;
/// Descriptors in a census.
pub const CENSUS_COUNT: u32 = 64;
/// Bytes of a descriptor in a census: a `filestat`.
pub(super) const CENSUS_STRIDE: u32 = 64;
/// Where the records begin.
pub const RECORDS: u32 = 8192;
/// Bytes of a record: function, error number, which arguments are read from memory, the arguments.
pub const RECORD: u32 = 96;
/// Arguments in a record.
pub(super) const CELLS: usize = 9;
/// Where the arguments of a record begin.
pub(super) const ARGUMENTS: u32 = 16;
/// The error number of a record that was not reached.
pub const NOT_REACHED: u32 = 0xffff;
/// The error number of a record whose call did not come back.
pub const NO_ANSWER: u32 = 0xfffe;
/// Bytes of a page of memory.
const PAGE: usize = 1 << 16;

/// A sequence as the interpreter takes it: bytes to be put at [`RECORDS`], and how many records they begin with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// How many records.
    pub count: u32,
    /// The records, and behind them all that they point at.
    pub image: Vec<u8>,
}

impl Encoded {
    /// Pages of memory that it takes.
    #[must_use]
    pub fn pages(&self) -> u32 {
        let end = usize::try_from(RECORDS).unwrap_or(usize::MAX).saturating_add(self.image.len());
        u32::try_from(end.div_ceil(PAGE)).unwrap_or(u32::MAX)
    }

    /// The error numbers of the records, from the memory of a guest that ran them.
    #[must_use]
    pub fn errnos(&self, memory: &[u8]) -> Vec<u32> {
        (0..self.count)
            .map(|record| {
                let at = usize::try_from(RECORDS + record * RECORD + 4).unwrap_or(usize::MAX);
                let bytes = memory.get(at..at.saturating_add(4)).and_then(|bytes| bytes.try_into().ok());
                bytes.map_or(NOT_REACHED, u32::from_le_bytes)
            })
            .collect()
    }
}

/// Writes a sequence as records. `None` if it does not fit the memory that a guest can have.
#[must_use]
pub fn encode(sequence: &Sequence) -> Option<Encoded> {
    let count = u32::try_from(sequence.calls.len()).ok()?;
    let mut image = Image { bytes: vec![0; usize::try_from(count.checked_mul(RECORD)?).ok()?], over: false };
    // Where each call's new descriptor is written to.
    let mut opened = Vec::with_capacity(sequence.calls.len());
    for (place, call) in sequence.calls.iter().enumerate() {
        let mut cells = Vec::with_capacity(CELLS);
        let (mut read, mut fallback, mut own) = (0_u32, 0_u32, None);
        for (argument, kind) in call.arguments.iter().zip(call.function.parameters()) {
            let bit = 1_u32 << cells.len();
            match argument {
                Argument::Result(of) => match opened.get(*of).copied().flatten() {
                    Some(at) => {
                        read |= bit;
                        if *kind == Kind::Directory {
                            fallback |= bit;
                        }
                        cells.push(u64::from(at));
                    }
                    None => cells.push(3),
                },
                Argument::Number(number) => cells.push(*number),
                Argument::Pointer(at) => {
                    if *kind == Kind::Opened {
                        own = Some(*at);
                    }
                    cells.push(u64::from(*at));
                }
                Argument::Own => {
                    let at = match kind {
                        Kind::Out(bytes) => image.room(*bytes),
                        // No descriptor has this number until the call succeeds.
                        _ => image.put(&u32::MAX.to_le_bytes()),
                    };
                    if *kind == Kind::Opened {
                        own = Some(at);
                    }
                    cells.push(u64::from(at));
                }
                Argument::Bytes(bytes) => {
                    cells.extend([u64::from(image.put(bytes)), bytes.len() as u64]);
                }
                Argument::Room(bytes) => cells.extend([u64::from(image.room(*bytes)), u64::from(*bytes)]),
                Argument::Buffers(buffers) => {
                    cells.extend([u64::from(image.buffers(buffers)), buffers.len() as u64]);
                }
                Argument::Subscriptions(subscriptions) => {
                    let from = image.subscriptions(subscriptions);
                    let events = u32::try_from(subscriptions.len()).ok()?.checked_mul(32)?;
                    let to = image.room(events);
                    cells.extend([u64::from(from), u64::from(to), subscriptions.len() as u64]);
                }
                Argument::Span(at, length) if *kind == Kind::Poll => {
                    let to = image.room(64);
                    cells.extend([u64::from(*at), u64::from(to), u64::from(*length)]);
                }
                Argument::Span(at, length) => cells.extend([u64::from(*at), u64::from(*length)]),
            }
        }
        opened.push(own);
        if image.over || cells.len() > CELLS {
            return None;
        }
        let number = u32::try_from(call.function.index()).ok()?;
        let head = [number, NOT_REACHED, read | fallback << 16, 0];
        let record = usize::try_from(RECORD).ok()?;
        let own = image.bytes.get_mut(place * record..(place + 1) * record)?;
        let bytes = head.iter().flat_map(|word| word.to_le_bytes()).chain(cells.iter().flat_map(|c| c.to_le_bytes()));
        for (to, byte) in own.iter_mut().zip(bytes) {
            *to = byte;
        }
    }
    Some(Encoded { count, image: image.bytes })
}

/// How much memory a sequence may take: far above what is generated, far below what a guest may have.
const MOST: usize = 8 << 20;

/// What a record points at, behind the records.
struct Image {
    bytes: Vec<u8>,
    over: bool,
}

impl Image {
    /// Puts bytes behind what is there, aligned as the widest value needs it, and gives their address.
    fn put(&mut self, bytes: &[u8]) -> u32 {
        let at = self.bytes.len().next_multiple_of(8);
        if at + bytes.len() > MOST {
            self.over = true;
            return SHARED;
        }
        self.bytes.resize(at, 0);
        self.bytes.extend_from_slice(bytes);
        RECORDS + u32::try_from(at).unwrap_or(0)
    }

    fn room(&mut self, bytes: u32) -> u32 {
        match usize::try_from(bytes) {
            Ok(bytes) if bytes <= MOST => self.put(&vec![0; bytes]),
            _ => {
                self.over = true;
                SHARED
            }
        }
    }

    fn buffers(&mut self, buffers: &[Buffer]) -> u32 {
        let list: Vec<u8> = buffers
            .iter()
            .map(|buffer| match buffer {
                Buffer::Bytes(bytes) => (self.put(bytes), u32::try_from(bytes.len()).unwrap_or(0)),
                Buffer::Room(bytes) => (self.room(*bytes), *bytes),
                Buffer::Span(at, length) => (*at, *length),
            })
            .flat_map(|(at, length)| [at.to_le_bytes(), length.to_le_bytes()].concat())
            .collect();
        self.put(&list)
    }

    /// Subscriptions of 48 bytes: what comes back with the event, the kind, and what it is about.
    fn subscriptions(&mut self, subscriptions: &[Subscription]) -> u32 {
        let mut bytes = Vec::with_capacity(subscriptions.len() * 48);
        for (place, subscription) in subscriptions.iter().enumerate() {
            let mut one = [0; 48];
            let mut set = |at: usize, value: &[u8]| one[at..at + value.len()].copy_from_slice(value);
            set(0, &(place as u64).to_le_bytes());
            match subscription {
                Subscription::Clock(id, time, flags) => {
                    set(16, &id.to_le_bytes());
                    set(24, &time.to_le_bytes());
                    set(40, &flags.to_le_bytes());
                }
                Subscription::Read(descriptor) => {
                    set(8, &[1]);
                    set(16, &descriptor.to_le_bytes());
                }
                Subscription::Write(descriptor) => {
                    set(8, &[2]);
                    set(16, &descriptor.to_le_bytes());
                }
            }
            bytes.extend_from_slice(&one);
        }
        self.put(&bytes)
    }
}

/// Whether a cell is passed in 64 bits.
pub(super) const fn is_whole(cell: Cell) -> bool {
    matches!(cell, Cell::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_from_where_the_call_before_wrote_it() {
        let text = "r0 = path_open(3, 0, \"f\", 0, ALL, 0, 0, _)\nfd_close(r0)\n";
        let encoded = encode(&text.parse().unwrap()).unwrap();
        let word = |at: usize| u64::from_le_bytes(encoded.image[at..at + 8].try_into().unwrap());
        let (record, arguments) = (RECORD as usize, ARGUMENTS as usize);
        let slot = word(arguments + 8 * 8);
        assert_eq!(word(record + arguments), slot);
        assert_eq!(encoded.image[record + 8], 1);
        let at = usize::try_from(slot).unwrap() - RECORDS as usize;
        assert_eq!(encoded.image[at..at + 4], [0xff; 4]);
        assert_eq!(encoded.pages(), 1);
    }

    #[test]
    fn what_asks_for_more_memory_than_there_is_does_not_fit() {
        assert_eq!(encode(&"random_get(#4294967295)".parse().unwrap()), None);
        assert_eq!(encode(&"fd_read(0, [#4000000, #4000000, #4000000], _)".parse().unwrap()), None);
        assert!(encode(&"random_get(#70000)".parse().unwrap()).unwrap().pages() == 2);
    }
}
