//! Programs in a language: what is said where nothing was built and, with the guests built, that they run, fail and are held.
//!
//! The tests that need the guests are `ignored`; `GAUNTLET_GUESTS` names the folder that `gauntlet guests build python javascript c
//! --cache FOLDER` has filled.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

/// How a run of the program ended.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn gauntlet(arguments: &[&str], stdin: &str) -> Told {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gauntlet"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who is refused does not read to the end.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Told { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs a program that comes on standard input, with the guests that were built.
fn exec(language: &str, code: &str, more: &[&str]) -> Told {
    let cache = std::env::var("GAUNTLET_GUESTS").expect("GAUNTLET_GUESTS names the folder of the guests");
    gauntlet(&[&["exec", "--cache", &cache, "--language", language], more, &["-"]].concat(), code)
}

/// Runs a program in a file, with a standard input of its own.
fn exec_file(name: &str, code: &str, stdin: &str, more: &[&str]) -> Told {
    let cache = std::env::var("GAUNTLET_GUESTS").expect("GAUNTLET_GUESTS names the folder of the guests");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join(name);
    fs::write(&file, code).unwrap();
    gauntlet(&[&["exec", "--cache", &cache, file.to_str().unwrap()], more].concat(), stdin)
}

#[test]
fn attacks_by_script_are_left_out_of_a_run_that_can_run_none_unless_they_are_asked_for() {
    let told = gauntlet(&["run", "--dry-run"], "");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(!told.stdout.contains("services/") && told.stdout.contains("memory/grow-past-limit"));
    assert!(told.stderr.starts_with("left out: ") && told.stderr.lines().count() == 1, "{}", told.stderr);
    let told = gauntlet(&["run", "--dry-run", "--filter", "services/"], "");
    assert!(told.stdout.contains("unsupported: worker runs no programs in a language"), "{}", told.stdout);
    assert_eq!(told.stderr, "");
}

#[test]
fn nothing_is_built_by_itself_and_the_one_command_is_named() {
    let place = tempfile::tempdir().unwrap();
    let (cache, script) = (place.path().join("cache"), place.path().join("script.py"));
    fs::write(&script, "print(1)").unwrap();
    let (cache, script) = (cache.to_str().unwrap(), script.to_str().unwrap());
    let told = gauntlet(&["exec", "--cache", cache, script], "");
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    assert!(told.stderr.contains("gauntlet guests build python"), "{}", told.stderr);
    assert!(!Path::new(cache).exists(), "looking makes nothing");
    let told = gauntlet(&["guests", "list", "--cache", cache, "--format", "json"], "");
    let listed: Json = serde_json::from_str(&told.stdout).unwrap();
    let ready = |id: &str| {
        let languages = listed["languages"].as_array().unwrap();
        languages.iter().find(|language| language["id"] == id).unwrap()["ready"].as_bool().unwrap()
    };
    assert!(ready("wasm") && !ready("python") && !ready("javascript") && !ready("c"));
    assert!(
        gauntlet(&["guests", "list", "--cache", cache], "").stdout.contains("get it with: gauntlet guests build c")
    );
}

#[test]
fn a_wrong_language_is_answered_with_those_there_are() {
    for arguments in [&["exec", "--language", "cobol", "-"][..], &["guests", "build", "cobol"]] {
        let told = gauntlet(arguments, "");
        assert_eq!(told.code, Some(2));
        assert!(told.stderr.contains("c, javascript, python, rust, wasm"), "{}", told.stderr);
    }
    let told = gauntlet(&["exec", "-"], "print(1)");
    assert!(told.code == Some(2) && told.stderr.contains("--language"), "{}", told.stderr);
    let told = gauntlet(&["guests", "build", "wasm"], "");
    assert!(told.code == Some(2) && told.stderr.contains("needs no building"), "{}", told.stderr);
}

#[test]
fn a_missing_program_is_named_with_the_command_that_installs_it() {
    let place = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gauntlet"))
        .args(["guests", "build", "javascript", "--cache"])
        .arg(place.path().join("cache"))
        .env("PATH", place.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("`node` is needed") && stderr.contains("apt-get install nodejs"), "{stderr}");
}

#[test]
fn a_corrupt_cache_is_an_error_that_says_how_to_mend_it() {
    let place = tempfile::tempdir().unwrap();
    let (cache, script) = (place.path().join("cache"), place.path().join("script.py"));
    fs::write(&script, "print(1)").unwrap();
    fs::create_dir_all(cache.join("python")).unwrap();
    for manifest in ["", "{", "[]", "\u{0}\u{1b}[2J", r#"{"format":"gauntlet.guest/1","language":"c"}"#] {
        fs::write(cache.join("python/manifest.json"), manifest).unwrap();
        let told = gauntlet(&["exec", "--cache", cache.to_str().unwrap(), script.to_str().unwrap()], "");
        assert_eq!(told.code, Some(2), "{}", told.stderr);
        assert!(
            told.stderr.contains("corrupt") && told.stderr.contains("gauntlet guests build python"),
            "{}",
            told.stderr
        );
        assert!(!told.stderr.contains('\u{1b}'));
    }
}

#[test]
fn text_of_webassembly_is_assembled_and_run() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("guest.wat");
    fs::write(&file, "(module (memory (export \"memory\") 1) (func (export \"_start\")))").unwrap();
    let told = gauntlet(&["exec", file.to_str().unwrap()], "");
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    fs::write(&file, "(module (func (unknown)))").unwrap();
    let told = gauntlet(&["exec", file.to_str().unwrap()], "");
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("guest.wat:1:") && told.stderr.contains("does not compile"), "{}", told.stderr);
    assert!(!told.stderr.contains(place.path().to_str().unwrap()), "{}", told.stderr);
}

#[test]
#[ignore = "needs the guests"]
fn programs_have_their_input_their_arguments_and_their_files() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.txt");
    fs::write(&data, "from a file").unwrap();
    let python = "import sys\nprint(sys.argv[1:], input(), open('data.txt').read(), open('/work/data.txt').read())";
    let javascript = "const fs = require('fs');\nconsole.log(process.argv.slice(2).join(), readline(), fs.readFileSync('data.txt', 'utf8'));";
    let c = "#include <stdio.h>\nint main(int argc, char **argv) { char line[99], text[99]; scanf(\"%98[^\\n]\", line);\n\
             FILE *file = fopen(\"/work/data.txt\", \"r\"); fgets(text, 99, file); printf(\"%s %s %s\\n\", argv[argc - 1], line, text); }";
    for (name, code, wanted) in [
        ("a.py", python, "['one', 'two'] from stdin from a file from a file\n"),
        ("a.js", javascript, "one,two from stdin from a file\n"),
        ("a.c", c, "two from stdin from a file\n"),
    ] {
        let more = ["--stdin", "--file", data.to_str().unwrap(), "--", "one", "two"];
        let told = exec_file(name, code, "from stdin\nmore", &more);
        assert_eq!((told.code, told.stdout.as_str(), told.stderr.as_str()), (Some(0), wanted, ""), "{name}");
    }
}

#[test]
#[ignore = "needs the guests"]
fn a_failure_goes_to_standard_error_with_the_program_s_own_name_alone() {
    for (name, code, wanted) in [
        ("a.py", "def f():\n    raise ValueError('bad')\nf()\n", "File \"a.py\", line 2, in f"),
        ("a.py", "print(1", "File \"a.py\", line 1"),
        ("a.js", "function f() {\n  throw new TypeError('bad');\n}\nf();\n", "at f (a.js:2:"),
        ("a.js", "let x = ;", "a.js:1"),
    ] {
        let told = exec_file(name, code, "", &[]);
        assert_eq!((told.code, told.stdout.as_str()), (Some(1), ""), "{}", told.stderr);
        assert!(told.stderr.contains(wanted), "{}", told.stderr);
        for path in ["/tmp", "app.py", "guest.js", "initializer.js", "/var", "/home", "/root"] {
            assert!(!told.stderr.contains(path), "{path}: {}", told.stderr);
        }
    }
    for (language, code) in
        [("py", "import sys; print('before'); sys.exit(7)"), ("js", "console.log('before'); process.exit(7)")]
    {
        let told = exec(language, code, &["--guest-exit-code"]);
        assert_eq!((told.code, told.stdout.as_str()), (Some(7), "before\n"), "{}", told.stderr);
    }
}

#[test]
#[ignore = "needs the guests"]
fn the_console_prints_all_of_a_long_text() {
    for (language, code) in [("py", "print('x' * 100_000)"), ("js", "console.log('x'.repeat(100_000))")] {
        let told = exec(language, code, &[]);
        assert_eq!((told.code, told.stdout.len()), (Some(0), 100_001), "{}", told.stderr);
    }
}

#[test]
#[ignore = "needs the guests"]
fn there_is_no_second_process_no_thread_and_no_host() {
    let python = "import os, subprocess, threading, multiprocessing.util\n\
        def attempt(action):\n    try:\n        action()\n    except BaseException as error:\n        print(type(error).__name__)\n    else:\n        print('done')\n\
        attempt(lambda: os.fork())\nattempt(lambda: os.execv('/bin/sh', ['sh']))\nattempt(lambda: os.system('true'))\n\
        attempt(lambda: subprocess.run(['true']))\nattempt(lambda: threading.Thread(target=print).start())\nattempt(lambda: os.kill(1, 9))\n";
    let python = python.replace(", multiprocessing.util", "");
    let told = exec("py", &python, &[]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(!told.stdout.contains("done") && told.stdout.lines().count() == 6, "{}", told.stdout);
    let javascript = "for (const name of ['Worker', 'SharedWorker', 'fetch', 'WebSocket', 'XMLHttpRequest', 'Deno', 'Bun'])\n  if (typeof globalThis[name] === 'function') console.log(name);\n\
        for (const name of ['child_process', 'worker_threads', 'net', 'http', 'vm', 'cluster'])\n  try { require(name); console.log(name); } catch {}\n";
    let told = exec("js", javascript, &[]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{}", told.stderr);
}

#[test]
#[ignore = "needs the guests"]
fn every_run_has_its_own_randomness() {
    for (language, code) in [
        ("py", "import random, uuid, tempfile; print(random.random(), uuid.uuid4(), random.Random().random())"),
        ("js", "console.log(Math.random(), crypto.getRandomValues(new Uint8Array(8)).join())"),
    ] {
        let (first, second) = (exec(language, code, &[]), exec(language, code, &[]));
        for (a, b) in first.stdout.split_whitespace().zip(second.stdout.split_whitespace()) {
            assert_ne!(a, b, "{language}");
        }
        assert!(first.code == Some(0) && !first.stdout.is_empty());
    }
}

#[test]
#[ignore = "needs the guests"]
fn the_c_compiler_reads_nothing_of_the_host_and_shows_no_path_of_it() {
    let told = exec("c", "int main(void) { return missing(); }\n", &[]);
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("main.c:1:"), "{}", told.stderr);
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "int secret_word = 1;\n#error found the secret\n").unwrap();
    let secret = secret.path().display().to_string();
    for code in [
        format!("#include \"{secret}\"\nint main(void) {{ return 0; }}\n"),
        "#include \"/etc/passwd\"\nint main(void) { return 0; }\n".to_owned(),
        format!("__asm__(\".incbin \\\"{secret}\\\"\");\nint main(void) {{ return 0; }}\n"),
        format!("static const char data[] = {{\n#embed \"{secret}\"\n}};\nint main(void) {{ return data[0]; }}\n"),
        "#include \"/proc/self/environ\"\nint main(void) { return 0; }\n".to_owned(),
    ] {
        let told = exec("c", &code, &["--guest-exit-code"]);
        assert_eq!(told.code, Some(2), "{code}: {}", told.stderr);
        assert!(!told.stderr.contains("found the secret") && !told.stderr.contains("root:"), "{}", told.stderr);
        assert!(!told.stderr.contains("gauntlet-compile"), "{}", told.stderr);
    }
    let bomb = "#define A(x) B(x) B(x) B(x) B(x) B(x) B(x) B(x) B(x)\n#define B(x) C(x) C(x) C(x) C(x) C(x) C(x) C(x) C(x)\n\
        #define C(x) D(x) D(x) D(x) D(x) D(x) D(x) D(x) D(x)\n#define D(x) E(x) E(x) E(x) E(x) E(x) E(x) E(x) E(x)\n\
        #define E(x) F(x) F(x) F(x) F(x) F(x) F(x) F(x) F(x)\n#define F(x) G(x) G(x) G(x) G(x) G(x) G(x) G(x) G(x)\n\
        #define G(x) H(x) H(x) H(x) H(x) H(x) H(x) H(x) H(x)\n#define H(x) x+x+x+x+x+x+x+x+\nint main(void) { return A(1) 0; }\n";
    let told = exec("c", bomb, &[]);
    assert!(matches!(told.code, Some(2 | 4)) && !told.stderr.is_empty(), "{told:?}");
}
