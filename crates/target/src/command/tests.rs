use std::os::unix::fs::PermissionsExt as _;

use gauntlet_policy::Policy;

use super::*;

/// A target whose program is the shell, with a script and whatever else.
fn shell(script: &str, more: &str) -> CommandTarget {
    let text = format!(
        "name: shell\nengine: sh\nversion: \"1\"\nprogram: /bin/sh\noffers: [preview1]\n\
         arguments: [\"-c\", '{script}', sh, \"{{{{module}}}}\", \"{{{{limits}}}}\", \"{{{{grants}}}}\", \"{{{{nonce}}}}\"]\n{more}"
    );
    CommandTarget::parse("shell", &text).unwrap()
}

fn job(policy: &str) -> Job {
    let policy = Policy::parse("p", &format!("version: 1\n{policy}")).unwrap();
    Job { guest: b"\0asm guest".to_vec(), policy, nonce: "00112233aabbccdd".to_owned(), ..Job::default() }
}

fn faults(text: &str) -> Vec<(&'static str, u32)> {
    let faults = CommandTarget::parse("t", text).err().unwrap_or_default();
    faults.iter().map(|fault| (fault.rule, fault.span.line)).collect()
}

const SOUND: &str = "engine: e\nversion: \"1\"\nprogram: /bin/true\noffers: []\narguments: [\"{{module}}\"]\n";

#[test]
fn limits_and_grants_become_arguments() {
    let more = "limits:\n  memory: [-m, \"mem={{bytes}}\"]\n  deadline: [\"-t{{seconds}}\"]\n  fuel: [\"-f{{count}}\"]\n\
                grants:\n  filesystem: [--dir, \"{{host}}::{{guest}}\"]\n  environment: [\"{{name}}={{value}}\"]\n";
    let target = shell("shift; printf \"%s\\n\" \"$@\"", more);
    let policy = "limits: { memory: 1MiB, deadline: 1500ms, fuel: unlimited }\n\
                  grants: { filesystem: [{ host: /h, guest: /g, access: read-only }], environment: { A: \"{{nonce}} b\" } }\n";
    let outcome = target.run(&job(policy)).unwrap();
    let stdout = String::from_utf8(outcome.stdout).unwrap();
    assert_eq!(stdout, "-m\nmem=1048576\n-t2\n--dir\n/h::/g\nA={{nonce}} b\n00112233aabbccdd\n");
    assert!(target.expresses(LimitKey::Memory));
    assert!(!target.expresses(LimitKey::Output));
    assert!(!target.expresses_read_only());
}

#[test]
fn an_entry_and_arguments_are_given_only_where_there_are_some() {
    let text = "engine: e\nversion: \"1\"\nprogram: /bin/echo\noffers: [invoke]\nentry: [--invoke, \"{{entry}}\"]\n\
                arguments: [x, \"{{entry}}\", \"{{arguments}}\", \"m={{module}}\"]\n";
    let target = CommandTarget::parse("echo", text).unwrap();
    let mut job = job("grants: { arguments: [one, two] }\n");
    let said = |job: &Job| String::from_utf8(target.run(job).unwrap().stdout).unwrap();
    assert!(said(&job).starts_with("x one two m=/"));
    job.entry = Some("work".to_owned());
    assert!(said(&job).starts_with("x --invoke work one two m=/"));
}

#[test]
fn the_guest_is_in_a_private_folder_that_is_gone_afterwards() {
    let script = "cat \"$1\"; echo; echo \"$1\"; stat -c %a \"$(dirname \"$1\")\"; ls -d \"${2%%::*}\"";
    let target = shell(script, "grants: { filesystem: [\"{{host}}::{{guest}}\"] }\n");
    let outcome = target.run(&job("grants: { filesystem: [{ guest: /tmp, access: scratch }] }\n")).unwrap();
    let text = String::from_utf8(outcome.stdout.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "\0asm guest");
    assert_eq!(lines[2], "700");
    assert!(lines[3].contains("scratch-0"));
    assert!(!Path::new(lines[1]).exists());
    assert!(!Path::new(lines[1]).parent().unwrap().exists());
}

#[test]
fn nothing_of_the_environment_but_path_is_inherited_and_input_is_empty() {
    let outcome = shell("exec env; cat", "").run(&job("")).unwrap();
    let text = String::from_utf8(outcome.stdout).unwrap();
    // The shell itself makes these.
    let own = ["PATH=", "PWD=", "SHLVL=", "_="];
    assert!(text.lines().all(|line| own.iter().any(|name| line.starts_with(name))), "{text}");
    let outcome = shell("cat; echo done", "").run(&job("")).unwrap();
    assert_eq!(outcome.stdout, b"done\n");
}

#[test]
fn an_exit_code_is_testimony_without_a_cause() {
    let outcome = shell("exit 42", "").run(&job("")).unwrap();
    assert_eq!(
        (outcome.ending.ending, outcome.ending.exit_code, outcome.ending.cause),
        (Ending::Exited, Some(42), None)
    );
    assert_eq!(outcome.causes(), []);
}

#[test]
fn a_signal_is_the_death_of_the_worker() {
    let outcome = shell("kill -ABRT $$", "").run(&job("")).unwrap();
    assert_eq!(
        (outcome.ending.ending, outcome.ending.signal, outcome.ending.cause),
        (Ending::WorkerDied, Some(6), None)
    );
}

#[test]
fn a_flood_on_both_outputs_is_read_to_its_end_and_cut() {
    let script = "head -c 6000000 /dev/zero >&2; head -c 5000000 /dev/zero";
    let outcome = shell(script, "").run(&job("limits: { output: 1MiB }\n")).unwrap();
    assert_eq!((outcome.stdout.len(), outcome.stderr.len(), outcome.truncated), (4 << 20, 4 << 20, true));
    assert_eq!((outcome.usage[0].used, outcome.usage[0].cap), (Some(11_000_000), Some(1 << 20)));
    assert_eq!(outcome.ending.exit_code, Some(0));
}

#[test]
fn a_program_that_outlives_its_deadline_is_killed_with_its_children() {
    // The test waits on the kill itself; the sleepers would hold the outputs open far longer.
    let program = find_program("/bin/sh").unwrap();
    let arguments = ["-c", "sleep 1000 & sleep 1000"].map(OsString::from);
    let finished = process::run(&program, &arguments, Some(Duration::from_millis(50))).unwrap();
    assert_eq!(finished.end, End::Killed);
    assert!(!finished.stdout.held_open && !finished.stderr.held_open);
    let outcome = outcome(finished, None);
    assert_eq!((outcome.ending.ending, outcome.ending.cause), (Ending::LimitReached, Some(Cause::KilledParent)));
}

#[test]
fn children_that_are_left_over_die_with_the_program() {
    let finished =
        process::run(Path::new("/bin/sh"), &["-c", "sleep 1000 & echo $!"].map(OsString::from), None).unwrap();
    assert_eq!(finished.end, End::Exited(0));
    assert!(!finished.stdout.held_open, "the sleeper held the output open");
}

#[test]
fn a_missing_program_is_a_spawn_error() {
    let text = SOUND.replace("/bin/true", "/nonexistent/runtime");
    let target = CommandTarget::parse("t", &text).unwrap();
    assert!(!target.program_exists());
    assert!(
        matches!(target.run(&job("")), Err(TargetError::Spawn { program, .. }) if program == Path::new("/nonexistent/runtime"))
    );
    assert!(!CommandTarget::parse("t", &SOUND.replace("/bin/true", "no-such-runtime")).unwrap().program_exists());
    assert!(CommandTarget::parse("t", &SOUND.replace("/bin/true", "sh")).unwrap().program_exists());
}

#[test]
fn a_file_that_cannot_be_executed_is_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(find_program(path.to_str().unwrap()), None);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(find_program(path.to_str().unwrap()).is_some());
}

#[test]
fn the_version_comes_from_the_text_or_the_program() {
    assert_eq!(CommandTarget::parse("t", SOUND).unwrap().describe().version, "1");
    let asked = |command: &str| {
        let text = SOUND.replace("version: \"1\"", &format!("version-command: {command}"));
        CommandTarget::parse("t", &text).unwrap().describe().version
    };
    assert_eq!(asked("[/bin/echo, \"runtime 1.2\"]"), "runtime 1.2");
    assert_eq!(asked("[/nonexistent/runtime]"), "unknown");
    assert_eq!(asked("[/bin/true]"), "unknown");
}

#[test]
fn a_target_that_offers_nothing_runs_nothing_and_ends_well() {
    let target = CommandTarget::parse("t", SOUND).unwrap();
    assert_eq!(target.describe().offers, Vec::<String>::new());
    assert_eq!((target.describe().name.as_str(), target.status()), ("t", Status::NotTried));
    assert_eq!(target.run(&job("")).unwrap().ending.exit_code, Some(0));
}

#[test]
fn all_faults_are_reported_at_once_with_their_lines() {
    let text = "name: ../x\nengin: e\nversion: \"1\"\nversion-command: []\nprogram: \"\"\nstatus: maybe\noffers: [\"A B\"]\n\
                arguments: [\"{{modul}}\", \"x{{limits}}\"]\nlimits:\n  memory: [-m]\n  memroy: [-m]\n  fuel: [\"{{bytes}}\"]\n\
                grants: { filesystem: [\"{{guest}}\"] }\n";
    let expected = [
        ("missing-key", 1),
        ("not-a-name", 1),
        ("unknown-key", 2),
        ("two-versions", 4),
        ("empty-value", 4),
        ("empty-value", 5),
        ("unknown-value", 6),
        ("not-a-name", 7),
        ("placeholder-missing", 8),
        ("unknown-placeholder", 8),
        ("unknown-placeholder", 8),
        ("placeholder-missing", 9),
        ("placeholder-missing", 10),
        ("unknown-key", 11),
        ("unknown-placeholder", 12),
        ("placeholder-missing", 13),
        ("placeholder-missing", 13),
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(faults("notes: none\n"), [("missing-key", 1); 5]);
    assert_eq!(faults("[]\n"), [("wrong-type", 1)]);
    assert_eq!(faults(SOUND), []);
}

#[test]
fn the_documented_example_is_sound() {
    let target = CommandTarget::parse("t", include_str!("example.yaml")).unwrap();
    assert_eq!((target.name.as_str(), target.expresses(LimitKey::Deadline)), ("my-runtime", true));
}

#[test]
fn a_mapped_limit_that_never_reaches_the_program_is_a_fault() {
    assert_eq!(faults(&format!("{SOUND}limits: {{ fuel: [\"{{{{count}}}}\"] }}\n")), [("placeholder-missing", 6)]);
}

#[test]
fn the_shipped_target_files_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../attacks/targets");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension() != Some(OsStr::new("yaml")) {
            continue;
        }
        let target = CommandTarget::load(&path).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        assert_eq!(Some(target.name.as_str()), path.file_stem().and_then(OsStr::to_str));
        assert!(!target.notes().is_empty(), "{}: say in `notes` what it was written from", path.display());
        assert!(!target.install_hint().is_empty(), "{}: say in `install` how it is had", path.display());
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn a_file_with_faults_keeps_its_text_for_drawing_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.yaml");
    fs::write(&path, "engine: e\nprogramm: x\n").unwrap();
    assert!(
        matches!(CommandTarget::load(&path), Err(CommandTargetError::Faults { text, faults }) if text.contains("programm") && faults.len() > 1)
    );
    assert!(matches!(CommandTarget::load(folder.path()), Err(CommandTargetError::Read(LoadError::NotAFile))));
}

#[test]
fn a_driver_lies_beside_the_guest_and_is_part_of_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let text = "engine: e\nversion: \"1\"\nprogram: /bin/sh\noffers: [preview1]\ndriver: run.sh\n\
                arguments: [\"{{driver}}\", \"{{module}}\"]\n";
    fs::write(folder.path().join("t.yaml"), text).unwrap();
    let error = CommandTarget::load(&folder.path().join("t.yaml")).unwrap_err();
    assert!(matches!(&error, CommandTargetError::Driver { file, .. } if file.ends_with("/run.sh")), "{error}");
    fs::write(folder.path().join("run.sh"), "echo from the driver; cat \"$1\"").unwrap();
    let file = CommandFile::load(&folder.path().join("t.yaml")).unwrap();
    // What was read once holds, wherever and however often the target is made of it.
    fs::remove_file(folder.path().join("run.sh")).unwrap();
    let outcome = CommandTarget::new(&file).unwrap().run(&job("")).unwrap();
    assert_eq!(outcome.stdout, b"from the driver\n\0asm guest");
    assert_eq!(faults(&SOUND.replace("{{module}}", "{{module}}{{driver}}")), [("missing-key", 5)]);
    assert_eq!(faults(&format!("{SOUND}driver: x.py\n")), [("placeholder-missing", 5)]);
    for wrong in ["../x.py", "/etc/passwd", ".x", "\"\""] {
        assert_eq!(faults(&format!("{SOUND}driver: {wrong}\n")), [("not-a-name", 6)], "{wrong}");
    }
}

#[test]
fn a_cause_is_shown_by_words_and_an_exit_code_together() {
    let shows =
        "shows: [{ cause: limit-fuel, exit-code: \"70\", stderr: out of fuel }, { cause: denied-path, stderr: no }]\n";
    let seen = |script: &str| {
        let outcome = shell(script, shows).run(&job("")).unwrap();
        (outcome.ending.ending, outcome.ending.cause)
    };
    assert_eq!(seen("echo out of fuel >&2; exit 70"), (Ending::LimitReached, Some(Cause::Limit(LimitKey::Fuel))));
    assert_eq!(seen("echo out of fuel >&2; exit 1"), (Ending::Exited, None));
    assert_eq!(seen("echo out of fuel; exit 70"), (Ending::Exited, None));
    let path = Cause::Denied(gauntlet_record::DenialKind::Path);
    assert_eq!(seen("echo no >&2"), (Ending::Trapped, Some(path)));
    // A signal is no word of the program's.
    assert_eq!(seen("echo out of fuel >&2; kill -ABRT $$"), (Ending::WorkerDied, None));
    let wrong = "shows: [{ cause: not-shown, stderr: x }, { cause: limit-fuel }, { cause: limit-fuel, stderr: x, exit-code: \"256\" }]\n";
    let rules: Vec<&str> = faults(&format!("{SOUND}{wrong}")).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules.iter().filter(|rule| **rule == "unknown-value").count(), 2, "{rules:?}");
    assert_eq!(rules.iter().filter(|rule| **rule == "missing-key").count(), 2, "{rules:?}");
}

#[test]
fn a_release_has_a_program_and_commands_of_its_own() {
    let releases =
        "releases: { program: \"{{folder}}/run\", install: [[make, \"{{folder}}\"], [get, \"x=={{release}}\"]] }\n";
    let text = format!("{SOUND}{releases}");
    let release = |version: &str| Release { version: version.to_owned(), folder: PathBuf::from("/c/t/1.0") };
    let file = |text: &str, version: &str| CommandFile {
        release: Some(release(version)),
        ..CommandFile::new("t", text, |_| panic!("no driver")).unwrap()
    };
    let target = CommandTarget::new(&file(&text, "1.0")).unwrap();
    assert_eq!((target.program(), target.describe().name.as_str()), ("/c/t/1.0/run", "t@1.0"));
    assert_eq!(target.describe().version, "1.0");
    let commands = target.install_commands(&release("1.0"));
    assert_eq!(commands, [["make", "/c/t/1.0"].map(OsString::from), ["get", "x==1.0"].map(OsString::from)]);
    for wrong in ["", "../1", "1/2", "-r", "1..2", "1 2", "latest"] {
        let error = CommandTarget::new(&file(&text, wrong)).unwrap_err();
        assert!(matches!(error, CommandTargetError::NotARelease(_)), "{wrong}: {error}");
    }
    assert!(matches!(CommandTarget::new(&file(SOUND, "1.0")), Err(CommandTargetError::NoReleases)));
    assert_eq!(faults(&format!("{SOUND}releases: {{ program: x }}\n")), [("missing-key", 6)]);
}

#[test]
fn a_program_answers_when_its_version_command_ends_well() {
    let answers = |command: &str| {
        let text = SOUND.replace("version: \"1\"", &format!("version-command: {command}"));
        CommandTarget::parse("t", &text).unwrap().answers()
    };
    assert!(CommandTarget::parse("t", SOUND).unwrap().answers());
    assert!(answers("[/bin/echo, \"1.2\"]"));
    assert!(!answers("[/bin/false]"));
    assert!(!answers("[/nonexistent/runtime]"));
}
