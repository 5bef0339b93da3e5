//! Hostile bytes: whatever they are, an answer and no panic, and nothing in the answer that steers a terminal.

use std::sync::LazyLock;

use arbitrary::{Arbitrary as _, Unstructured};
use gauntlet_inspect::{Compatibility, InspectError, Inspection, inspect, validate};
use proptest::prelude::*;

/// A dozen modules and components that between them have every section that is looked at.
const SAMPLES: &[&str] = &[
    "(module)",
    r#"(module (memory (export "memory") 1 2) (data (i32.const 0) "hello") (func (export "_start")))"#,
    r#"(module (import "env" "f" (func (param i32) (result i64))) (import "env" "m" (memory 1)) (import "env" "g" (global i32)))"#,
    r#"(module (table 3 funcref) (func $f) (elem (i32.const 0) $f $f) (elem declare func $f) (start $f) (func (drop (ref.func $f))))"#,
    r#"(module (memory i64 1) (memory 1 1 shared) (global (mut v128) (v128.const i64x2 1 2)) (func (local v128 i32 i64)))"#,
    r#"(module (type $s (sub (struct (field (mut i32))))) (rec (type $a (array i8)) (type $b (sub $s (struct (field (mut i32))))))
        (func (param (ref null $s)) (result i32) (struct.get $s 0 (local.get 0))))"#,
    r#"(module (tag $e (param i32)) (func (block $l (result i32) (try_table (catch $e $l) (throw $e (i32.const 1))) (i32.const 0)) drop))"#,
    r#"(module (func $f (param i32) (result i32) (if (result i32) (local.get 0) (then (return_call $f (i32.const 0))) (else (i32.const 1)))))"#,
    r#"(module $named (@custom "producers" "\01\08language\01\04Rust\041.95") (@custom "x" "\ff\00") (func $name_of_a_function))"#,
    r#"(component (import "wasi:cli/stdout@0.2.0" (instance (export "o" (type (sub resource))) (export "get" (func)))) (core module $m (memory 1))
        (core instance (instantiate $m)) (core instance (instantiate $m)))"#,
    r#"(component $a (component $b (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "g") (canon lift (core func $i "f")))) (instance $x (instantiate $b)) (export "h" (func $x "g")))"#,
    r#"(component (type (func async (param "x" (stream u8)))) (type (component (type (future u8)))) (core module $m)
        (component (alias outer 1 $m (core module $n)) (core instance (instantiate $n))))"#,
];

static BINARIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    SAMPLES.iter().map(|text| wat::parse_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))).collect()
});

/// Whether an answer can be shown, whatever was asked.
fn check(answer: &Result<Inspection, InspectError>) {
    let shown = match answer {
        Ok(found) => found.to_text() + &found.to_json() + &Compatibility::of(found, &Inspection::default()).to_text(),
        Err(error) => error.to_string(),
    };
    let bad = shown.chars().find(|c| *c != '\n' && !gauntlet_record::is_printable(*c));
    assert_eq!(bad, None, "{shown}");
}

#[test]
fn samples_are_sound_and_validate_with_what_they_use() {
    for (bytes, text) in BINARIES.iter().zip(SAMPLES) {
        let found = inspect(bytes).unwrap_or_else(|error| panic!("{error}: {text}"));
        check(&Ok(found.clone()));
        assert_eq!(validate(bytes, |name| found.features.iter().any(|used| used == name)), Ok(()), "{text}: {found:?}");
    }
}

#[test]
fn no_truncation_is_taken_for_a_whole() {
    for bytes in &*BINARIES {
        for length in 0..bytes.len() {
            check(&inspect(&bytes[..length]));
        }
    }
}

#[test]
fn no_changed_byte_is_a_panic() {
    for bytes in &*BINARIES {
        for at in 0..bytes.len() {
            for with in [0, 1, 0x1b, 0x40, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, bytes[at].wrapping_add(1)] {
                let mut changed = bytes.clone();
                changed[at] = with;
                check(&inspect(&changed));
            }
        }
    }
}

#[test]
fn what_is_no_wasm_is_told_by_its_beginning() {
    for (bytes, word) in [
        (&b""[..], "empty"),
        (b"(module)", "text"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x7fELF\x02", "ELF"),
        (b"\0asm\x09\0\0\0", "version"),
        (b"hello", "nothing that is known"),
    ] {
        let error = inspect(bytes).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn components_within_components_end_at_a_bound() {
    // Written by hand: each level is a header and a section that holds the next.
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..2_000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        let mut length = bytes.len();
        loop {
            let low = u8::try_from(length & 0x7f).unwrap();
            length >>= 7;
            outer.push(if length > 0 { low | 0x80 } else { low });
            if length == 0 {
                break;
            }
        }
        outer.append(&mut bytes);
        bytes = outer;
    }
    assert_eq!(inspect(&bytes), Err(InspectError::TooDeep));
}

#[test]
fn lists_are_cut_and_counts_are_not() {
    let exports: String = (0..12_000).map(|number| format!("(export \"f{number}\" (func 0))")).collect();
    let found = inspect(&wat::parse_str(format!("(module (func) {exports})")).unwrap()).unwrap();
    assert_eq!(found.interface.exports.len(), 10_000);
    let sections: String = (0..1_500).map(|number| format!("(@custom \"s{number}\" \"\")")).collect();
    let found = inspect(&wat::parse_str(format!("(module {sections})")).unwrap()).unwrap();
    assert_eq!((found.custom_sections.len(), found.custom_section_count), (1_000, 1_500));
    assert!(found.to_text().contains("and 1460 more"), "{}", found.to_text());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_behind_a_header_are_answered(component: bool, tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = if component { b"\0asm\x0d\0\x01\0".to_vec() } else { b"\0asm\x01\0\0\0".to_vec() };
        bytes.extend(tail);
        check(&inspect(&bytes));
    }

    #[test]
    fn spliced_samples_are_answered(one in 0..SAMPLES.len(), other in 0..SAMPLES.len(), at: prop::sample::Index, from: prop::sample::Index) {
        let (one, other) = (&BINARIES[one], &BINARIES[other]);
        let mut bytes = one[..at.index(one.len())].to_vec();
        bytes.extend(&other[from.index(other.len())..]);
        check(&inspect(&bytes));
    }

    #[test]
    fn a_generated_module_validates_with_what_it_uses(seed in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let Ok(module) = Everything::arbitrary(&mut Unstructured::new(&seed)) else { return Ok(()) };
        let bytes = module.0;
        let found = inspect(&bytes).unwrap();
        check(&Ok(found.clone()));
        let named = |name: &str| found.features.iter().any(|used| used == name);
        prop_assert_eq!(validate(&bytes, named), Ok(()), "{:?}", found.features);
    }
}

/// A generated module that may use whatever the generator can make.
#[derive(Debug)]
struct Everything(Vec<u8>);

impl<'a> arbitrary::Arbitrary<'a> for Everything {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut config = wasm_smith::Config::arbitrary(u)?;
        // Of what a policy has a name for, the generator leaves these out by itself.
        (config.custom_page_sizes_enabled, config.wide_arithmetic_enabled) = (u.arbitrary()?, u.arbitrary()?);
        Ok(Self(wasm_smith::Module::new(config, u)?.to_bytes()))
    }
}
