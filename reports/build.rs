//! Finds the data files under `controls/`, so that a new one needs no list.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=controls");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("controls");
    let mut names: Vec<String> = fs::read_dir(&folder)?
        .map(|entry| {
            Ok(entry?.file_name().into_string().map_err(|name| format!("a file name that is no text: {name:?}"))?)
        })
        .collect::<Result<_, Box<dyn Error>>>()?;
    names.retain(|name| name.ends_with(".yaml"));
    names.sort();
    let mut code = String::from(
        "/// The checklist, the claims and the frameworks: every `controls/*.yaml`, by name.\npub static CONTROLS: &[(&str, &str)] = &[\n",
    );
    for name in names {
        writeln!(code, "    ({name:?}, include_str!({:?})),", folder.join(&name))?;
    }
    code.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("controls.rs"), code)?;
    Ok(())
}
