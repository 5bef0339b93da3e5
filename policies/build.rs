//! Embeds the presets and examples: what lies in the folder is what the library has, nobody keeps a list.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut code = String::new();
    table(&mut code, "PRESETS", "The presets: name and text, by name.", &folder)?;
    table(
        &mut code,
        "EXAMPLES",
        "Examples of policies, good and bad: name and text, by name.",
        &folder.join("examples"),
    )?;
    fs::write(out.join("embedded.rs"), code)
}

fn table(code: &mut String, name: &str, doc: &str, folder: &Path) -> io::Result<()> {
    // The folder itself is watched, so that a new file is seen.
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    let _ = writeln!(code, "/// {doc}\npub static {name}: &[(&str, &str)] = &[");
    for path in files {
        println!("cargo::rerun-if-changed={}", path.display());
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("presets have plain names");
        let _ = writeln!(code, "    ({stem:?}, include_str!({:?})),", path.display().to_string());
    }
    code.push_str("];\n");
    Ok(())
}
