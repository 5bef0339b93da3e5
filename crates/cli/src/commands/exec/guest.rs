//! The guest's bytes: binary wasm; text only where it is asked for; of sources, a word on what would compile them.

use std::path::Path;

use anyhow::anyhow;

use crate::failure::Failure;
use crate::inputs;

/// Most bytes of text that are assembled.
const MAX_TEXT: u64 = 64 << 20;

/// A language that is neither interpreted nor compiled here, whose sources are no guests: its extensions, its name, the program that compiles it and how.
struct Language {
    extensions: &'static [&'static str],
    name: &'static str,
    program: &'static str,
    arguments: &'static str,
}

const LANGUAGES: &[Language] = &[
    Language {
        extensions: &["cc", "cpp", "cxx"],
        name: "C++",
        program: "clang++",
        arguments: "--target=wasm32-wasip1 --sysroot=WASI-SDK -O2 -o guest.wasm {}",
    },
    Language {
        extensions: &["go"],
        name: "Go",
        program: "go",
        arguments: "build -o guest.wasm {}` with `GOOS=wasip1 GOARCH=wasm` set, or `tinygo build -target=wasip1 -o guest.wasm {}",
    },
    Language {
        extensions: &["ts"],
        name: "TypeScript",
        program: "jco",
        arguments: "componentize -o guest.wasm` of its JavaScript, which `tsc {}` writes; `tsc",
    },
    Language {
        extensions: &["zig"],
        name: "Zig",
        program: "zig",
        arguments: "build-exe -target wasm32-wasi -O ReleaseSmall {}",
    },
];

/// Reads the guest. `limit` is the most that the policy lets through.
pub(super) fn read(path: &Path, text: bool, limit: Option<u64>) -> Result<Vec<u8>, Failure> {
    if text {
        let bytes = inputs::guest(path, Some(MAX_TEXT))?;
        return wat::parse_bytes(&bytes).map(std::borrow::Cow::into_owned).map_err(|mut error| {
            error.set_path(path);
            Failure::usage(anyhow::Error::new(error).context(format!("cannot assemble `{}`", path.display())))
        });
    }
    let bytes = inputs::guest(path, limit.map(|limit| limit.saturating_add(1)))?;
    // Whatever its name: bytes that begin like wasm are the executor's to judge.
    if !bytes.starts_with(b"\0asm")
        && let Some(why) = not_executed(path)
    {
        return Err(Failure::usage(anyhow!("{why}")));
    }
    Ok(bytes)
}

/// What to say of a file that is no binary by its name.
fn not_executed(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let shown = path.display();
    if matches!(extension.as_str(), "wat" | "wast") {
        return Some(format!(
            "`{shown}` is WebAssembly text, and text is not executed; pass `--wat` to assemble it first"
        ));
    }
    let language = LANGUAGES.iter().find(|language| language.extensions.contains(&extension.as_str()))?;
    let (name, program) = (language.name, language.program);
    let arguments = language.arguments.replace("{}", &shown.to_string());
    let missing = if on_path(program) { String::new() } else { format!("; `{program}` is not on this PATH") };
    Some(format!(
        "`{shown}` is {name} source, and source is not executed; compile it first, for example with \
         `{program} {arguments}`{missing}"
    ))
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_told_what_would_compile_it() {
        for language in LANGUAGES {
            for extension in language.extensions {
                let why = not_executed(Path::new(&format!("guest.{extension}"))).unwrap();
                assert!(why.contains(language.program) && why.contains(language.name), "{why}");
                assert!(!why.contains("{}"), "{why}");
            }
        }
        assert!(not_executed(Path::new("guest.WAT")).unwrap().contains("--wat"));
        assert_eq!(not_executed(Path::new("guest.wasm")), None);
        assert_eq!(not_executed(Path::new("guest")), None);
    }
}
