use super::*;

fn rules(text: &str) -> Vec<&'static str> {
    parse(text).err().map(|faults| faults.iter().map(|fault| fault.rule).collect()).unwrap_or_default()
}

#[test]
fn what_a_typed_reader_hides_is_a_fault() {
    assert_eq!(rules(""), ["empty-policy"]);
    assert_eq!(rules("# only a comment\n"), ["empty-policy"]);
    assert_eq!(rules("a: 1\n\"\\x61\": 2\n"), ["duplicate-key"]);
    assert_eq!(rules("a: &x 1\nb: *x\n"), ["anchors-used", "anchors-used"]);
    assert_eq!(rules("a: *nobody\n"), ["anchors-used"]);
    assert_eq!(rules("a: !!binary aGVsbG8=\n"), ["tag-used"]);
    assert_eq!(rules("a: 1\n---\nb: 2\n"), ["several-documents"]);
    assert_eq!(rules("# \u{202e}\na: 1\n"), ["invisible-characters"]);
    assert_eq!(rules("\u{feff}a: 1\n"), ["invisible-characters"]);
    assert_eq!(rules("<<: { a: 1 }\n"), ["merge-key-used"]);
    assert_eq!(rules("{{a: 1}: 2}\n"), ["not-a-key"]);
    assert_eq!(rules("%YAML 1.1\n---\na: no\n"), ["directive-used"]);
    assert_eq!(rules("%TAG ! tag:example.com,2026:\n---\na: 1\n"), ["directive-used"]);
}

#[test]
fn tabs_do_not_indent() {
    assert_eq!(rules("a:\n\t- b\n"), ["tab-indentation"]);
    assert_eq!(rules("a:\n  \tb: 1\n"), ["tab-indentation"]);
    // The parser would take this one.
    assert_eq!(rules("a: [\n\t1 ]\n"), ["tab-indentation"]);
    assert_eq!(rules("a: 1\t# one\n\t# two\n\t\nb: '\tc'\n"), [""; 0]);
}

#[test]
fn a_line_that_only_some_readers_break_is_a_fault() {
    for text in ["# a\rb: 1\n", "# a\u{85}b: 1\n", "# a\u{2028}\nb: 1\n", "b: 1 # \u{e0041}\n", "b: 1 # \u{3164}\n"] {
        assert_eq!(rules(text), ["invisible-characters"], "{text:?}");
    }
    assert_eq!(rules("a: 1\r\nb: 2\r\n"), [""; 0]);
}

#[test]
fn faults_of_every_kind_are_told_at_once() {
    let text = "a: &x 1\na: 2\nb: *x\nc: !t 3\n<<: {}\nd: [1, [2]: 3\n";
    assert_eq!(
        rules(text),
        ["anchors-used", "duplicate-key", "anchors-used", "tag-used", "merge-key-used", "not-yaml", "not-a-key"]
    );
}

#[test]
fn what_stands_before_an_error_of_syntax_is_kept() {
    let read = read("a: 1\nb: { c: 2, d: [3, 4\n");
    assert!(!read.whole);
    assert_eq!(read.faults.iter().map(|fault| fault.rule).collect::<Vec<_>>(), ["not-yaml"]);
    let root = read.root.unwrap();
    assert!(root.get("a").is_some() && root.get("b").and_then(|b| b.get("c")).is_some());
}

#[test]
fn bombs_end_early() {
    assert_eq!(rules(&"[".repeat(100_000)), ["nesting-too-deep"]);
    assert_eq!(rules(&("[".repeat(40) + &"]".repeat(40))), ["nesting-too-deep"]);
    let blocks: String = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 300))).collect();
    assert!(!rules(&blocks).is_empty());
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n";
    assert!(rules(laughs).contains(&"anchors-used"));
    assert_eq!(rules(&"- 1\n".repeat(30_000)), ["file-too-large"]);
}

#[test]
fn a_large_text_is_refused_by_its_size_alone() {
    // The text is no YAML, and nobody looks.
    let faults = parse(&"\t[".repeat(5 << 20)).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].rule, "file-too-large");
    assert_eq!(faults[0].message, "larger than 1048576 bytes");
}

#[test]
fn the_steps_of_reading_are_bounded() {
    let size = usize::try_from(MAX_POLICY_BYTES).unwrap();
    let cut = |text: String| text[..size.min(text.len())].to_owned();
    let hostile = [
        cut((0..300_000).map(|i| format!("k{i}: 1\n")).collect()),
        cut((0..300_000).map(|i| format!("k{i}: &a{i} 1\n")).collect()),
        cut((0..300_000).map(|i| format!("? k{i}\n")).collect()),
        cut("a: ".repeat(400_000)),
        cut("{a: ".repeat(300_000)),
        cut("- ".repeat(600_000)),
        cut("[,".repeat(600_000)),
        cut("? ".repeat(600_000)),
        cut("&a ".repeat(400_000)),
        cut("*a ".repeat(400_000)),
        cut("!t ".repeat(400_000)),
        cut("--- \n".repeat(300_000)),
        cut("# c\n".repeat(300_000)),
        cut("\t\u{feff}\n".repeat(300_000)),
        cut(format!("a: \"{}\"", "\\x41".repeat(300_000))),
        cut(format!("a: |\n{}", "  b\n".repeat(300_000))),
    ];
    for text in hostile {
        let built = build::build(&text);
        assert!(built.steps <= 2 * MAX_NODES + 16, "{} steps for {:?}", built.steps, &text[..40]);
        assert!(built.compared <= 20 * MAX_NODES, "{} keys compared for {:?}", built.compared, &text[..40]);
        let faults = read(&text).faults;
        assert!(faults.len() <= MAX_NODES + 64, "{} faults", faults.len());
    }
}

#[test]
fn spans_point_at_the_text() {
    let text = "version: 1\nlimits:\n  memory: 64MiB\n";
    let root = parse(text).unwrap();
    let memory = root.get("limits").and_then(|limits| limits.get("memory")).unwrap();
    assert_eq!(&text[memory.span.start..memory.span.end], "64MiB");
    assert_eq!((memory.span.line, memory.span.column), (3, 11));
}

#[test]
fn the_spelling_of_scalars_is_kept() {
    let root = parse("a: 0x10\nb: no\nc: 'no'\n").unwrap();
    assert_eq!(root.get("a").unwrap().value, Value::Scalar { text: "0x10".into(), plain: true });
    assert_eq!(root.get("c").unwrap().value, Value::Scalar { text: "no".into(), plain: false });
}
