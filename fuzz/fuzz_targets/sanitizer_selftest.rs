#![no_main]
//! Reads past the end of its own buffer: under the address sanitizer this target has to die, or the sanitizer is not there.

use gauntlet_fuzz::fuzz_target;

fuzz_target!(|_bytes: &[u8]| {
    let buffer = std::hint::black_box(vec![1_u8; 64]);
    // SAFETY: there is none. Sixty-four bytes past the start is past the end, which is what the sanitizer has to see.
    let past = unsafe { buffer.as_ptr().add(std::hint::black_box(64)).read_volatile() };
    std::hint::black_box(past);
});
