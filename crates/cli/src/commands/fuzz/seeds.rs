//! Seeds for the targets of cargo-fuzz: whole cases in envelopes, made from the corpus and from the generators, and a dictionary.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use gauntlet_fuzzing::{Case, PAIRS, case};
use gauntlet_record::{LimitKey, digest, exit};

use super::args;
use super::bench::{Stand, policy};
use crate::failure::Failure;

/// Seeds of each target that its generator makes.
const MADE: u64 = 12;
/// The largest guest of the corpus that becomes a seed.
const MAX_BYTES: usize = 4 << 10;
/// Most guests of the corpus that become seeds of a target.
const FROM_CORPUS: usize = 40;

pub(super) fn run(args: &args::Seeds) -> Result<u8, Failure> {
    let stand = Stand::new("inline", policy(None)?)?;
    let corpus = crate::inputs::corpus(&[], &[])?;
    let mut written = 0_u64;
    for pair in PAIRS {
        let dir = args.dir.join("seeds").join(pair.id.replace('-', "_"));
        fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make `{}`", dir.display()))
            .map_err(Failure::harness)?;
        let made = stand.with(|bench| {
            (0..MADE).filter_map(|number| case(pair, bench, 1, number).ok().flatten()).collect::<Vec<_>>()
        });
        let own = corpus
            .attacks
            .iter()
            .map(|attack| &attack.attack)
            .filter(|wasm| wasm.starts_with(b"\0asm") && wasm.len() <= MAX_BYTES);
        let from_corpus: Vec<Case> = match pair.id {
            "core-modules" | "many-runs" => own
                .take(FROM_CORPUS)
                .map(|wasm| Case {
                    wasm: wasm.clone(),
                    policy: stand.policy().text.clone(),
                    calls: vec!["call 0000000000000001".into()],
                })
                .collect(),
            _ => Vec::new(),
        };
        for case in made.iter().chain(&from_corpus) {
            let bytes = case.to_envelope(pair.id);
            write(&dir.join(&digest(&bytes)[..16]), &bytes)?;
            written += 1;
        }
    }
    let dict = args.dir.join("dict");
    fs::create_dir_all(&dict).with_context(|| format!("cannot make `{}`", dict.display())).map_err(Failure::harness)?;
    write(&dict.join("gauntlet.dict"), dictionary().as_bytes())?;
    super::super::print(format!("{written} seeds and a dictionary in {}\n", args.dir.display()).as_bytes())?;
    Ok(exit::CLEAN)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display())).map_err(Failure::harness)
}

/// Words of the formats that the targets read, as libFuzzer takes them.
fn dictionary() -> String {
    let mut text = String::from(
        "# Words of the formats that the targets read. Written by `gauntlet fuzz seeds`.\n\"\\x00asm\\x01\\x00\\x00\\x00\"\n",
    );
    for id in 0..=13 {
        text.push_str(&format!("\"\\x{id:02x}\"\n"));
    }
    let words = [
        "gauntlet-case",
        "_start",
        "memory",
        "version: 1",
        "limits:",
        "unlimited",
        "features:",
        "grants:",
        "../",
        "/..",
        "d/../",
        "//",
        "\\x1b[",
    ];
    for word in words
        .into_iter()
        .chain(LimitKey::ALL.iter().map(|key| key.as_str()))
        .chain(gauntlet_sandbox::PREVIEW1_FUNCTIONS.iter().copied())
    {
        text.push_str(&format!("\"{word}\"\n"));
    }
    text
}
