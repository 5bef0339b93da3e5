//! Finds every file of the corpus by walking the folder and writes the table that the library includes. There is no list to keep.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for entry in fs::read_dir(&root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Code of this crate, build output and hidden files are no part of the corpus.
        if entry.file_type()?.is_dir() && !matches!(name.as_str(), "src" | "target") && !name.starts_with('.') {
            walk(&entry.path(), &name, &mut files)?;
        }
    }
    files.sort();
    // A new class appears in this folder, a new attack in a folder below: cargo looks into both.
    println!("cargo::rerun-if-changed=.");
    let mut table = String::from(
        "/// Every file, by its path below `attacks/`, sorted.\npub static FILES: &[(&str, &[u8])] = &[\n",
    );
    for (name, path) in &files {
        let path = path.to_str().expect("the path of this repository is UTF-8");
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("writing to a string succeeds");
    }
    table.push_str("];\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("files.rs"), table)
}

/// Adds the regular files below a folder; `name` is its path below `attacks/`.
fn walk(dir: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with('.') {
            continue;
        }
        let (name, kind) = (format!("{name}/{file}"), entry.file_type()?);
        if kind.is_dir() {
            walk(&entry.path(), &name, files)?;
        } else if kind.is_file() {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}
