use std::fs;

use gauntlet_record::Ending;

use crate::run;

/// Asks for what it may not have in many ways, and writes all that the host left in its memory, error numbers included.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_readlink" (func $readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fdstat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "/etc/passwd")
    (data (i32.const 16) "../..")
    (data (i32.const 32) "missing")
    (data (i32.const 48) "link")
    (data (i32.const 64) "there/below")
    (func $ask (param $path i32) (param $length i32) (param $to i32)
        (i32.store (local.get $to)
            (call $open (i32.const 3) (i32.const 1) (local.get $path) (local.get $length) (i32.const 0) (i64.const 2) (i64.const 2)
                (i32.const 0) (i32.add (local.get $to) (i32.const 4))))
        (i32.store offset=8 (local.get $to)
            (call $readlink (i32.const 3) (local.get $path) (local.get $length) (i32.add (local.get $to) (i32.const 64)) (i32.const 200)
                (i32.add (local.get $to) (i32.const 12))))
        (i32.store offset=16 (local.get $to)
            (call $stat (i32.const 3) (i32.const 1) (local.get $path) (local.get $length) (i32.add (local.get $to) (i32.const 280))))
        (i32.store offset=20 (local.get $to) (call $mkdir (i32.const 3) (local.get $path) (local.get $length))))
    (func (export "_start")
        (call $ask (i32.const 0) (i32.const 11) (i32.const 4096))
        (call $ask (i32.const 16) (i32.const 5) (i32.const 5120))
        (call $ask (i32.const 32) (i32.const 7) (i32.const 6144))
        (call $ask (i32.const 48) (i32.const 4) (i32.const 7168))
        (call $ask (i32.const 64) (i32.const 11) (i32.const 8192))
        (drop (call $name (i32.const 3) (i32.const 9216) (i32.const 5)))
        (drop (call $fdstat (i32.const 99) (i32.const 9300)))
        (i64.store (i32.const 1000) (i64.const 0x2000_0000_1000))
        (drop (call $write (i32.const 1) (i32.const 1000) (i32.const 1) (i32.const 1016)))))"#;

#[test]
fn no_path_of_the_host_reaches_a_guest_through_errors() {
    let outside = tempfile::tempdir().unwrap();
    let granted = outside.path().join("granted-directory");
    fs::create_dir(&granted).unwrap();
    fs::write(granted.join("there"), "a file").unwrap();
    std::os::unix::fs::symlink(outside.path(), granted.join("link")).unwrap();
    let host = granted.display();
    for detail in ["generic", "full"] {
        let policy = format!(
            "version: 1\ngrants: {{ filesystem: [{{ host: '{host}', guest: data!, access: read-only }}] }}\nerrors: {{ detail: {detail} }}\n"
        );
        let outcome = run(GUEST, &policy);
        assert_eq!(outcome.ending.ending, Ending::Returned, "{}", outcome.ending.detail);
        let text = String::from_utf8_lossy(&outcome.stdout);
        assert!(text.contains("data!"), "the guest's own name for its directory");
        for secret in [outside.path().file_name().unwrap().to_str().unwrap(), "granted-directory", "/etc/", "passwd"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

/// Makes the host fail a write, and writes the words that the host has for it.
const COMPONENT: &str = include_str!("errors.component.wat");

#[test]
fn a_component_is_told_in_words_only_what_the_policy_lets_the_host_tell() {
    let granted = tempfile::tempdir().unwrap();
    let host = granted.path().display();
    let told = |detail: &str| {
        let policy = format!(
            "version: 1\ngrants: {{ filesystem: [{{ host: '{host}', guest: /, access: read-write }}] }}\nerrors: {{ detail: {detail} }}\n"
        );
        let outcome = run(COMPONENT, &policy);
        assert_eq!(outcome.ending.ending, Ending::Returned, "{}", outcome.ending.detail);
        String::from_utf8(outcome.stdout).unwrap()
    };
    assert_eq!(told("generic"), "the host failed");
    let full = told("full");
    assert!(full.len() > 5 && full != "the host failed", "{full}");
}
