//! `gauntlet infer --run`: for each guest a policy that lints clean, under which the same run succeeds, and a narrower one that fails.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::Path;
use std::process::{Command, Output};

const GAUNTLET: &str = env!("CARGO_BIN_EXE_gauntlet");

/// Writes a word and ends.
const HELLO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

/// Reads a file beneath its first directory and writes it out; traps if there is none.
const READER: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "NAME")
  (data (i32.const 64) "\00\01\00\00\00\01\00\00")
  (func (export "_start")
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const LENGTH) (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 80))
      (then unreachable))
    (if (call $read (i32.load (i32.const 80)) (i32.const 64) (i32.const 1) (i32.const 84)) (then unreachable))
    (i32.store (i32.const 68) (i32.load (i32.const 84)))
    (drop (call $write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 84)))))"#;

fn reader(name: &str) -> String {
    READER.replace("NAME", name).replace("LENGTH", &name.len().to_string())
}

/// A directory with a guest and files, in which commands are run.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new(guest: &str) -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        fs::write(bench.path().join("guest.wasm"), wat::parse_str(guest).unwrap()).unwrap();
        fs::create_dir_all(bench.path().join("data/in")).unwrap();
        fs::write(bench.path().join("data/a.txt"), "alpha").unwrap();
        fs::write(bench.path().join("data/in/b.txt"), "beta").unwrap();
        bench
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn gauntlet(&self, arguments: &[&str]) -> Output {
        Command::new(GAUNTLET).args(arguments).current_dir(self.path()).env("NO_COLOR", "1").output().unwrap()
    }

    /// Infers a policy into `policy.yaml`, and gives its text and what was said.
    fn infer(&self, offered: &[&str], guest: &[&str], code: i32) -> (String, String) {
        let mut arguments = vec!["infer", "guest.wasm", "--run", "--output", "policy.yaml"];
        arguments.extend(offered);
        arguments.push("--");
        arguments.extend(guest);
        let output = self.gauntlet(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        let policy = fs::read_to_string(self.path().join("policy.yaml")).unwrap_or_default();
        assert_eq!(output.status.code(), Some(code), "{said}\n{policy}");
        (policy, said)
    }

    /// Runs the guest under a policy's text.
    fn exec(&self, policy: &str, guest: &[&str]) -> (Option<i32>, String) {
        fs::write(self.path().join("other.yaml"), policy).unwrap();
        let mut arguments = vec!["exec", "guest.wasm", "--policy", "other.yaml", "--"];
        arguments.extend(guest);
        let output = self.gauntlet(&arguments);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    /// The policy lints clean with the module beside it, and says why each line is there.
    fn lints(&self) {
        let output = self.gauntlet(&["lint", "policy.yaml", "--module", "guest.wasm", "--fail-on", "medium"]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// A policy with one line replaced, which has to be there.
fn with(policy: &str, line: &str, other: &str) -> String {
    assert!(policy.lines().any(|each| each.trim_start().starts_with(line)), "no `{line}` in:\n{policy}");
    let replace = |each: &str| if each.trim_start().starts_with(line) { other.to_owned() } else { each.to_owned() };
    policy.lines().map(replace).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn a_guest_that_only_writes_is_granted_nothing() {
    let bench = Bench::new(HELLO);
    let (policy, said) = bench.infer(&["--dir", "data::/data:rw", "--env", "LANG=C"], &["unused"], 0);
    assert!(said.contains("lints clean") && said.contains("the same run succeeds under it"), "{said}");
    for line in ["filesystem: []", "network: []", "environment: {}", "arguments: []", "stdin: closed"] {
        assert!(policy.contains(line), "{line}:\n{policy}");
    }
    bench.lints();
    assert_eq!(bench.exec(&policy, &[]), (Some(0), "hello\n".to_owned()));
    // Less output than it writes, and one proposal or digest that is not its own.
    assert_ne!(bench.exec(&with(&policy, "fuel:", "  fuel: 1"), &[]).0, Some(0));
    let other = format!("  sha256: [\"{}\"]", "0".repeat(64));
    assert_ne!(bench.exec(&with(&policy, "sha256:", &other), &[]).0, Some(0));
}

#[test]
fn a_guest_that_reads_a_file_is_granted_its_directory_to_read() {
    let bench = Bench::new(&reader("a.txt"));
    let (policy, said) = bench.infer(&["--dir", "data::/data:rw"], &[], 0);
    assert!(said.contains("the same run succeeds under it"), "{said}");
    assert!(policy.contains("host: \"data\", guest: \"/data\", access: read-only"), "{policy}");
    assert!(policy.contains("read `a.txt`"), "{policy}");
    bench.lints();
    assert_eq!(bench.exec(&policy, &[]), (Some(0), "alpha".to_owned()));
    let narrower = policy.replace("host: \"data\"", "host: \"data/in\"");
    assert_ne!(bench.exec(&narrower, &[]).0, Some(0));
}

#[test]
fn a_guest_that_does_not_find_its_way_in_a_narrower_directory_keeps_the_one_that_was_offered() {
    let bench = Bench::new(&reader("in/b.txt"));
    let (policy, said) = bench.infer(&["--dir", "data::/data"], &[], 0);
    assert!(said.contains("the same run succeeds under it"), "{said}");
    assert!(policy.contains("host: \"data\", guest: \"/data\", access: read-only"), "{policy}");
    assert_eq!(bench.exec(&policy, &[]), (Some(0), "beta".to_owned()));
}

#[test]
fn a_run_that_is_denied_what_it_needs_gives_no_policy_and_says_what() {
    let bench = Bench::new(&reader("../outside"));
    let (policy, said) = bench.infer(&["--dir", "data::/data"], &[], 1);
    assert!(said.contains("denied-path") && said.contains("../outside"), "{said}");
    assert_eq!(policy, "");
}

/// A client of one address, and its argument: its last four digits are the port.
fn client(address: Ipv4Addr, port: u16) -> (String, String) {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../attacks/network/component-leaves-its-grant/attack.wat");
    let text = fs::read_to_string(file).unwrap();
    let loopback = "(i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)";
    assert!(text.contains(loopback));
    let own: Vec<String> = address.octets().iter().map(|byte| format!("(i32.const {byte})")).collect();
    (text.replace(loopback, &own.join(" ")), format!("000000000000{port:04x}"))
}

#[test]
fn a_network_client_is_granted_its_address_and_no_other() {
    // By name: the number of this host, and its domain, may be ones that the linter warns of.
    let whole = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    let short = whole.split('.').next().unwrap().to_owned();
    let name = if (short.as_str(), 0).to_socket_addrs().is_ok() { short } else { whole };
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let Ok(mut found) = (name.as_str(), port).to_socket_addrs() else {
        eprintln!("not tried: `{name}`, the name of this host, cannot be looked up");
        return;
    };
    let own = found.find_map(|address| if let SocketAddr::V4(address) = address { Some(*address.ip()) } else { None });
    let (guest, argument) = client(own.expect("this host has an address"), port);
    let bench = Bench::new(&guest);
    let (here, elsewhere) = (format!("{name}:{port}"), format!("{name}:9"));
    let (policy, said) = bench.infer(&["--net", &here, "--net", &elsewhere], &[&argument], 0);
    assert!(said.contains("the same run succeeds under it"), "{said}");
    assert!(policy.contains(&format!("connect: \"{here}\"")) && !policy.contains(&elsewhere), "{policy}");
    assert!(policy.contains(&format!("arguments: [\"{argument}\"]")), "{policy}");
    bench.lints();
    assert_eq!(bench.exec(&policy, &[]).0, Some(0));
    let narrower = policy.replace(&here, &elsewhere);
    assert_ne!(bench.exec(&narrower, &[]).0, Some(0));
    drop(listener);
}

#[test]
fn a_policy_whose_run_uses_what_the_rules_warn_of_does_not_lint_clean() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (guest, argument) = client(Ipv4Addr::LOCALHOST, port);
    let bench = Bench::new(&guest);
    let (policy, said) = bench.infer(&["--net", "*"], &[&argument], 1);
    assert!(said.contains("network-loopback") && said.contains("the same run succeeds under it"), "{said}");
    assert!(policy.contains(&format!("connect: \"127.0.0.1:{port}\"")), "{policy}");
    drop(listener);
}
