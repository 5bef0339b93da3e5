//! A careless executor, the way a first embedding is written in an afternoon: an interpreter, and preview 1 by hand. It joins paths as
//! text, hands its own environment and standard input to the guest, does not look at what is read-only, and knows no limit.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gauntlet_testing::{Description, Ending, EndingSeen, Job, Outcome, Target, TargetError, Terms};
use wasmi::{Caller, Engine, Error, Extern, ExternType, Linker, Module, Store, Val, ValType};

const WASI: &str = "wasi_snapshot_preview1";
// Error numbers of preview 1.
const BADF: i32 = 8;
const FAULT: i32 = 21;
const IO: i32 = 29;
const NOSYS: i32 = 52;

/// The executor.
pub(crate) struct Naive;

impl Target for Naive {
    fn describe(&self) -> Description {
        let offers = ["core", "preview1", "invoke"].map(str::to_owned).to_vec();
        Description { name: "naive".into(), engine: "wasmi".into(), version: "2".into(), offers }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let engine = Engine::default();
        let mut store = Store::new(&engine, Guest::of(&Terms::of(job)));
        let (ending, returned) = match perform(&engine, &mut store, job) {
            Ok(returned) => (EndingSeen::default(), returned),
            Err(error) => match error.i32_exit_status() {
                Some(code) => {
                    (EndingSeen { ending: Ending::Exited, exit_code: Some(code), ..EndingSeen::default() }, None)
                }
                None if error.as_trap_code().is_some() => (ended(Ending::Trapped, &error), None),
                None => (ended(Ending::Refused, &error), None),
            },
        };
        let guest = store.into_data();
        Ok(Outcome { ending, returned, stdout: guest.stdout, stderr: guest.stderr, ..Outcome::default() })
    }
}

fn ended(ending: Ending, error: &Error) -> EndingSeen {
    EndingSeen { ending, detail: error.to_string(), ..EndingSeen::default() }
}

/// Instantiates the guest and calls its entry; a core guest gets the trial's number and answers with one.
fn perform(engine: &Engine, store: &mut Store<Guest>, job: &Job) -> Result<Option<u64>, Error> {
    let module = Module::new(engine, &job.guest)?;
    let mut linker = Linker::new(engine);
    link(&mut linker)?;
    // What is imported and not written yet answers that it is not implemented.
    for import in module.imports() {
        if let ExternType::Func(ty) = import.ty() {
            let results: Vec<ValType> = ty.results().to_vec();
            let missing = move |_: Caller<'_, Guest>, _: &[Val], answers: &mut [Val]| {
                for (answer, ty) in answers.iter_mut().zip(&results) {
                    *answer = if *ty == ValType::I32 { Val::I32(NOSYS) } else { Val::default_for_ty(*ty) };
                }
                Ok(())
            };
            // An error says that it is there already.
            let _ = linker.func_new(import.module(), import.name(), ty.clone(), missing);
        }
    }
    let instance = linker.instantiate_and_start(&mut *store, &module)?;
    let entry = job.entry.as_deref().unwrap_or("_start");
    if let Ok(function) = instance.get_typed_func::<i64, i64>(&*store, entry) {
        let number = store.data().number.cast_signed();
        return Ok(Some(function.call(&mut *store, number)?.cast_unsigned()));
    }
    instance.get_typed_func::<(), ()>(&*store, entry)?.call(&mut *store, ())?;
    Ok(None)
}

/// What a descriptor stands for.
enum Entry {
    Stdin,
    Stdout,
    Stderr,
    Directory { host: String, guest: String },
    File(File),
}

/// What the host keeps for a guest.
struct Guest {
    arguments: Vec<String>,
    variables: Vec<String>,
    number: u64,
    entries: BTreeMap<i32, Entry>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Guest {
    fn of(terms: &Terms) -> Self {
        let mut entries = BTreeMap::from([(0, Entry::Stdin), (1, Entry::Stdout), (2, Entry::Stderr)]);
        let directories = terms.directories.iter().filter_map(|directory| {
            Some(Entry::Directory {
                host: directory.host.as_ref()?.display().to_string(),
                guest: directory.guest.clone(),
            })
        });
        entries.extend((3..).zip(directories));
        // The mistake: everything that this process was started with.
        let inherited = std::env::vars().map(|(name, value)| format!("{name}={value}"));
        let granted = terms.variables.iter().map(|(name, value)| format!("{name}={value}"));
        Self {
            arguments: terms.arguments.clone(),
            variables: inherited.chain(granted).collect(),
            number: terms.number,
            entries,
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }

    /// The mistake: what the guest asks for, behind the folder's name and a slash.
    fn path(&self, fd: i32, path: &str) -> Result<String, i32> {
        match self.entries.get(&fd) {
            Some(Entry::Directory { host, .. }) => Ok(format!("{host}/{path}")),
            Some(Entry::Stdin | Entry::Stdout | Entry::Stderr | Entry::File(_)) | None => Err(BADF),
        }
    }

    fn insert(&mut self, entry: Entry) -> i32 {
        let fd = (3..).find(|fd| !self.entries.contains_key(fd)).unwrap_or(i32::MAX);
        self.entries.insert(fd, entry);
        fd
    }
}

/// The guest's memory, by its own addresses.
struct Memory<'a>(&'a mut [u8]);

impl Memory<'_> {
    fn slice(&mut self, at: i32, length: i32) -> Result<&mut [u8], i32> {
        let start = usize::try_from(at.cast_unsigned()).map_err(|_| FAULT)?;
        let length = usize::try_from(length.cast_unsigned()).map_err(|_| FAULT)?;
        self.0.get_mut(start..start.checked_add(length).ok_or(FAULT)?).ok_or(FAULT)
    }

    fn put(&mut self, at: i32, bytes: &[u8]) -> Answer {
        self.slice(at, size(bytes.len())?)?.copy_from_slice(bytes);
        Ok(())
    }

    fn word(&mut self, at: i32) -> Result<i32, i32> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.slice(at, 4)?);
        Ok(i32::from_le_bytes(bytes))
    }

    fn text(&mut self, at: i32, length: i32) -> Result<String, i32> {
        Ok(String::from_utf8_lossy(self.slice(at, length)?).into_owned())
    }

    /// Address and length of each buffer of a list.
    fn buffers(&mut self, at: i32, count: i32) -> Result<Vec<(i32, i32)>, i32> {
        (0..count).map(|index| Ok((self.word(at + 8 * index)?, self.word(at + 8 * index + 4)?))).collect()
    }

    /// Writes texts that end in a NUL one after another, and a pointer to each.
    fn put_texts(&mut self, texts: &[String], pointers: i32, mut at: i32) -> Answer {
        for (pointer, text) in (pointers..).step_by(4).zip(texts) {
            self.put(pointer, &at.to_le_bytes())?;
            self.put(at, text.as_bytes())?;
            at += size(text.len())?;
            self.put(at, &[0])?;
            at += 1;
        }
        Ok(())
    }

    fn put_sizes(&mut self, texts: &[String], count: i32, bytes: i32) -> Answer {
        self.put(count, &size(texts.len())?.to_le_bytes())?;
        self.put(bytes, &size(texts.iter().map(|text| text.len() + 1).sum())?.to_le_bytes())
    }
}

type Answer = Result<(), i32>;

fn size(length: usize) -> Result<i32, i32> {
    i32::try_from(length).map_err(|_| FAULT)
}

fn failed(_: io::Error) -> i32 {
    IO
}

/// The error number of a call, or 0.
fn number(body: impl FnOnce() -> Answer) -> i32 {
    body().map_or_else(|errno| errno, |()| 0)
}

/// Links functions that answer with an error number; each body gets the guest's memory and what the host keeps for it.
macro_rules! functions {
    ($linker:ident; $($name:ident |$memory:ident, $guest:ident| ($($arg:ident: $ty:ty),*) $body:block)*) => {
        $(
            $linker.func_wrap(WASI, stringify!($name), |mut caller: Caller<'_, Guest>, $($arg: $ty),*| -> i32 {
                let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return FAULT };
                let (bytes, $guest) = memory.data_and_store_mut(&mut caller);
                let mut $memory = Memory(bytes);
                // Not every function needs all that it is handed.
                let _ = (&mut $memory, &$guest);
                number(|| $body)
            })?;
        )*
    };
}

fn link(linker: &mut Linker<Guest>) -> Result<(), Error> {
    linker.func_wrap(WASI, "proc_exit", |_: Caller<'_, Guest>, code: i32| -> Result<(), Error> {
        Err(Error::i32_exit(code))
    })?;
    functions! { linker;
        args_sizes_get |memory, guest| (count: i32, bytes: i32) { memory.put_sizes(&guest.arguments, count, bytes) }
        args_get |memory, guest| (pointers: i32, at: i32) { memory.put_texts(&guest.arguments, pointers, at) }
        environ_sizes_get |memory, guest| (count: i32, bytes: i32) { memory.put_sizes(&guest.variables, count, bytes) }
        environ_get |memory, guest| (pointers: i32, at: i32) { memory.put_texts(&guest.variables, pointers, at) }
        sched_yield |memory, guest| () { Ok(()) }
        random_get |memory, guest| (at: i32, length: i32) {
            let out = memory.slice(at, length)?;
            File::open("/dev/urandom").and_then(|mut file| file.read_exact(out)).map_err(failed)
        }
        clock_time_get |memory, guest| (_id: i32, _precision: i64, at: i32) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| IO)?;
            memory.put(at, &u64::try_from(now.as_nanos()).map_err(|_| IO)?.to_le_bytes())
        }
        poll_oneoff |memory, guest| (subscriptions: i32, events: i32, count: i32, seen: i32) {
            for index in 0..count {
                let (from, to) = (subscriptions + 48 * index, events + 32 * index);
                let subscription = memory.slice(from, 48)?.to_vec();
                if subscription[8] == 0 {
                    let mut timeout = [0; 8];
                    timeout.copy_from_slice(&subscription[24..32]);
                    // The mistake: as long as the guest likes.
                    std::thread::sleep(Duration::from_nanos(u64::from_le_bytes(timeout)));
                }
                memory.put(to, &subscription[..8])?;
                memory.put(to + 8, &[0, 0, subscription[8], 0])?;
            }
            memory.put(seen, &count.to_le_bytes())
        }
        fd_prestat_get |memory, guest| (fd: i32, at: i32) {
            let Some(Entry::Directory { guest: name, .. }) = guest.entries.get(&fd) else { return Err(BADF) };
            memory.put(at, &[0; 4])?;
            memory.put(at + 4, &size(name.len())?.to_le_bytes())
        }
        fd_prestat_dir_name |memory, guest| (fd: i32, at: i32, length: i32) {
            let Some(Entry::Directory { guest: name, .. }) = guest.entries.get(&fd) else { return Err(BADF) };
            memory.slice(at, length)?.copy_from_slice(name.as_bytes().get(..usize::try_from(length).map_err(|_| FAULT)?).ok_or(FAULT)?);
            Ok(())
        }
        fd_close |memory, guest| (fd: i32) { guest.entries.remove(&fd).map(drop).ok_or(BADF) }
        fd_sync |memory, guest| (fd: i32) {
            let Some(Entry::File(file)) = guest.entries.get(&fd) else { return Err(BADF) };
            file.sync_all().map_err(failed)
        }
        fd_filestat_set_size |memory, guest| (fd: i32, length: i64) {
            let Some(Entry::File(file)) = guest.entries.get(&fd) else { return Err(BADF) };
            file.set_len(length.cast_unsigned()).map_err(failed)
        }
        fd_read |memory, guest| (fd: i32, buffers: i32, count: i32, read: i32) {
            let mut total = 0;
            for (at, length) in memory.buffers(buffers, count)? {
                let out = memory.slice(at, length)?;
                let got = match guest.entries.get_mut(&fd) {
                    Some(Entry::File(file)) => file.read(out),
                    // The mistake: whatever this process was given to read.
                    Some(Entry::Stdin) => io::stdin().read(out),
                    Some(Entry::Stdout | Entry::Stderr | Entry::Directory { .. }) | None => return Err(BADF),
                };
                total += size(got.map_err(failed)?)?;
            }
            memory.put(read, &total.to_le_bytes())
        }
        fd_write |memory, guest| (fd: i32, buffers: i32, count: i32, written: i32) {
            let mut total = 0;
            for (at, length) in memory.buffers(buffers, count)? {
                let bytes = memory.slice(at, length)?;
                match guest.entries.get_mut(&fd) {
                    Some(Entry::Stdout) => guest.stdout.extend_from_slice(bytes),
                    Some(Entry::Stderr) => guest.stderr.extend_from_slice(bytes),
                    Some(Entry::File(file)) => file.write_all(bytes).map_err(failed)?,
                    Some(Entry::Stdin | Entry::Directory { .. }) | None => return Err(BADF),
                }
                total += length;
            }
            memory.put(written, &total.to_le_bytes())
        }
        path_open |memory, guest| (fd: i32, _look: i32, path: i32, length: i32, flags: i32, rights: i64, _inherited: i64, _fd_flags: i32, opened: i32) {
            let host = guest.path(fd, &memory.text(path, length)?)?;
            let entry = if Path::new(&host).is_dir() {
                Entry::Directory { host, guest: String::new() }
            } else {
                let (write, create) = (rights & 64 != 0, flags & 1 != 0);
                let mut options = OpenOptions::new();
                options.read(true).write(write || create || flags & 8 != 0);
                options.create(create).create_new(create && flags & 4 != 0).truncate(flags & 8 != 0);
                Entry::File(options.open(host).map_err(failed)?)
            };
            let fd = guest.insert(entry);
            memory.put(opened, &fd.to_le_bytes())
        }
        path_create_directory |memory, guest| (fd: i32, path: i32, length: i32) {
            fs::create_dir(guest.path(fd, &memory.text(path, length)?)?).map_err(failed)
        }
        path_unlink_file |memory, guest| (fd: i32, path: i32, length: i32) {
            fs::remove_file(guest.path(fd, &memory.text(path, length)?)?).map_err(failed)
        }
        path_rename |memory, guest| (fd: i32, path: i32, length: i32, new_fd: i32, new_path: i32, new_length: i32) {
            let from = guest.path(fd, &memory.text(path, length)?)?;
            fs::rename(from, guest.path(new_fd, &memory.text(new_path, new_length)?)?).map_err(failed)
        }
        path_link |memory, guest| (fd: i32, _look: i32, path: i32, length: i32, new_fd: i32, new_path: i32, new_length: i32) {
            let from = guest.path(fd, &memory.text(path, length)?)?;
            fs::hard_link(from, guest.path(new_fd, &memory.text(new_path, new_length)?)?).map_err(failed)
        }
        path_symlink |memory, guest| (to: i32, to_length: i32, fd: i32, path: i32, length: i32) {
            let to = memory.text(to, to_length)?;
            std::os::unix::fs::symlink(to, guest.path(fd, &memory.text(path, length)?)?).map_err(failed)
        }
    }
    Ok(())
}
