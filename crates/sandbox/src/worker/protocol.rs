//! What parent and worker say to each other: frames of one kind byte, four length bytes and that many bytes.
//!
//! The parent trusts nothing that a worker says: a worker that runs a guest may be the guest's.

use std::io::{self, Read, Write};

use gauntlet_policy::Policy;
use gauntlet_target::Job;
use serde::{Deserialize, Serialize};

use crate::Protections;
use crate::jail::Ground;
#[cfg(feature = "probes")]
use crate::probe::Probe;

/// Most bytes of one frame.
pub(crate) const MAX_FRAME: usize = 64 << 20;

/// The kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Parent: the setup, as JSON. First.
    Setup = b'S',
    /// Parent: the job without guest and policy, as JSON. Second, once there is one.
    Job = b'J',
    /// Parent: the guest's bytes. Last, after the worker is ready.
    Guest = b'G',
    /// Worker: it has narrowed itself; the confinement achieved, as JSON.
    Ready = b'R',
    /// Worker: a required mechanism is not to be had; mechanism and reason, as JSON.
    Denied = b'X',
    /// Worker: something failed before the guest was read; the reason, as text.
    Failed = b'E',
    /// Worker: validating and compiling begins.
    Compiling = b'c',
    /// Worker: compiling has ended.
    Compiled = b'd',
    /// Worker: bytes of standard output.
    Out = b'o',
    /// Worker: bytes of standard error.
    Err = b'e',
    /// Worker: something was denied for the first time, as JSON.
    Denial = b'n',
    /// Worker: the outcome, without output, as JSON. Last.
    Finished = b'F',
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [
            Self::Setup,
            Self::Job,
            Self::Guest,
            Self::Ready,
            Self::Denied,
            Self::Failed,
            Self::Compiling,
            Self::Compiled,
            Self::Out,
            Self::Err,
            Self::Denial,
            Self::Finished,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// What a worker is told before it narrows itself.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    pub(crate) protections: Protections,
    pub(crate) ground: Ground,
    pub(crate) purpose: Purpose,
}

/// What a worker is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// Running one guest. `cached`: its compiled code may be in the first of the ground's readable directories.
    Run {
        /// Whether there is such a directory.
        cached: bool,
    },
    /// Compiling one guest into the ground's writable directory, and nothing else.
    Compile,
    /// Trying one thing that the jail has to stop. Such a worker runs no guest.
    #[cfg(feature = "probes")]
    Probe(Probe),
}

/// What a worker is told of its job, besides the guest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The job; guest and policy are told elsewhere and left empty here.
    pub(crate) job: Job,
    /// How much of the deadline has passed, in nanoseconds.
    pub(crate) elapsed: u64,
    /// Whether the guest's compiled code lies in the worker's cache.
    pub(crate) kept: bool,
}

/// Writes one frame with one call, so that frames of several threads do not mix.
///
/// # Errors
///
/// If the other end is gone.
pub(crate) fn write(to: &mut dyn Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let head = head(kind, bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
    let mut frame = Vec::with_capacity(bytes.len() + head.len());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(bytes);
    to.write_all(&frame)
}

/// What a frame of so many bytes begins with; none if they are too many.
pub(crate) fn head(kind: Kind, length: usize) -> Option<[u8; 5]> {
    let [a, b, c, d] = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME)?.to_le_bytes();
    Some([kind as u8, a, b, c, d])
}

/// Reads one frame, waiting for it.
///
/// # Errors
///
/// If the other end is gone or does not speak this protocol.
pub(crate) fn read(from: &mut dyn Read) -> io::Result<(Kind, Vec<u8>)> {
    let mut head = [0; 5];
    from.read_exact(&mut head)?;
    let (kind, length) = head_of(head)?;
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok((kind, bytes))
}

/// Takes the first whole frame off a buffer.
///
/// # Errors
///
/// If what is there is no frame.
pub(crate) fn take(buffer: &mut Vec<u8>) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let Some(head) = buffer.first_chunk::<5>() else { return Ok(None) };
    let (kind, length) = head_of(*head)?;
    if buffer.len() < length + 5 {
        return Ok(None);
    }
    let rest = buffer.split_off(length + 5);
    let mut frame = std::mem::replace(buffer, rest);
    frame.drain(..5);
    Ok(Some((kind, frame)))
}

fn head_of(head: [u8; 5]) -> io::Result<(Kind, usize)> {
    let [kind, a, b, c, d] = head;
    let kind = Kind::of(kind).ok_or(io::ErrorKind::InvalidData)?;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > MAX_FRAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok((kind, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_being_cut_anywhere() {
        let mut bytes = Vec::new();
        write(&mut bytes, Kind::Out, b"hello").unwrap();
        write(&mut bytes, Kind::Compiled, b"").unwrap();
        for cut in 0..bytes.len() {
            let mut buffer = bytes[..cut].to_vec();
            let mut frames = Vec::new();
            while let Some(frame) = take(&mut buffer).unwrap() {
                frames.push(frame);
            }
            buffer.extend_from_slice(&bytes[cut..]);
            while let Some(frame) = take(&mut buffer).unwrap() {
                frames.push(frame);
            }
            assert_eq!(frames, [(Kind::Out, b"hello".to_vec()), (Kind::Compiled, Vec::new())]);
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        assert!(take(&mut b"zzzzz".to_vec()).is_err());
        assert!(take(&mut vec![b'o', 255, 255, 255, 255]).is_err());
        assert!(read(&mut &b"o\x05\0\0\0abc"[..]).is_err());
    }
}
