//! Functions of the host that an embedder adds: checked pointers and lengths, metered like WASI, re-entry capped.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use gauntlet_record::LimitKey;
use gauntlet_target::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::{self, Val as ComponentVal};
use wasmtime::{Caller, Extern, ExternType, Linker, Module, StoreContextMut, Val};

use crate::host::Host;
use crate::typed::{self, ValueError};

/// How deep calls between guest and host may nest, unless the builder says otherwise.
pub const DEFAULT_REENTRY: u32 = 8;
/// What one call of a host function costs of `host-work`, besides the bytes that it moves.
const CALL_COST: u64 = 64;

/// A host function could not do what the guest asked. The call traps; the guest learns nothing but that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostFault {
    /// A pointer and a length that do not lie within the guest's memory.
    #[error("{length} bytes at {pointer} do not lie within the guest's memory of {size} bytes")]
    OutOfBounds {
        /// Where they begin.
        pointer: u32,
        /// How many they are.
        length: u64,
        /// The size of the memory.
        size: u64,
    },
    /// The guest exports no memory by the name of `memory`, or is a component, whose values come by type.
    #[error("the guest exports no memory that the host could read")]
    NoMemory,
    /// Text that is not UTF-8.
    #[error("the text at {pointer} is not UTF-8")]
    NotText {
        /// Where it begins.
        pointer: u32,
    },
    /// Guest and host called each other too deeply.
    #[error("calls between guest and host are nested deeper than {limit}")]
    TooDeep {
        /// The deepest nesting that is allowed.
        limit: u32,
    },
    /// The guest exports no function of this name that can be called from here.
    #[error("the guest exports no function `{0}` that can be called from here")]
    NoExport(String),
    /// Arguments or results of the wrong type.
    #[error(transparent)]
    Values(#[from] ValueError),
    /// A limit of the policy was reached by what the host did for the guest.
    #[error("the limit `{key}` was reached: {used} of {limit}")]
    Limit {
        /// The limit.
        key: LimitKey,
        /// How much would have been used.
        used: u64,
        /// How much there is.
        limit: u64,
    },
    /// The guest ended while the host was calling it back. Hand it on with `?`: the run ends the way the guest did.
    #[error("the guest ended while it was called back")]
    Guest(GuestEnded),
    /// The host's function says no.
    #[error("{0}")]
    Refused(String),
}

/// How a guest ended that was called back: kept as it is, and not for reading.
#[derive(Debug)]
pub struct GuestEnded(wasmtime::Error);

impl HostFault {
    /// A host function's own reason to end the run.
    #[must_use]
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }

    fn into_error(self) -> wasmtime::Error {
        match self {
            Self::Guest(GuestEnded(error)) => error,
            other => wasmtime::Error::new(other),
        }
    }
}

/// A future that a host function gives back.
pub type HostFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, HostFault>> + Send + 'a>>;

type Body = dyn for<'a, 'b> Fn(&'a mut HostCall<'b>, Vec<Value>) -> HostFuture<'a, Vec<Value>> + Send + Sync;

/// One function.
#[derive(Clone)]
struct Function {
    module: String,
    name: String,
    body: Arc<Body>,
}

/// The functions of a sandbox.
#[derive(Clone)]
pub(crate) struct Functions {
    functions: Vec<Function>,
    pub(crate) reentry: u32,
}

impl Default for Functions {
    fn default() -> Self {
        Self { functions: Vec::new(), reentry: DEFAULT_REENTRY }
    }
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.functions.iter().map(|function| (&function.module, &function.name))).finish()
    }
}

/// What the host did for a guest in functions of the embedder's.
#[derive(Debug, Default)]
pub(crate) struct HostUse {
    depth: u32,
}

/// Charges what a host function does to the guest's budget of host work: the one place where functions of the embedder's are metered.
fn charge(host: &mut Host, bytes: u64) -> Result<(), HostFault> {
    host.meter.custom("host function", bytes).map_err(|(used, limit)| HostFault::Limit {
        key: LimitKey::HostWork,
        used,
        limit,
    })
}

/// A call of a host function, as the function sees it: the guest's memory, its exports, its budget.
pub struct HostCall<'a> {
    at: At<'a>,
    reentry: u32,
}

enum At<'a> {
    Core(Caller<'a, Host>),
    Component(StoreContextMut<'a, Host>),
}

impl std::fmt::Debug for HostCall<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostCall").field("reentry", &self.reentry).finish_non_exhaustive()
    }
}

impl HostCall<'_> {
    fn host(&mut self) -> &mut Host {
        match &mut self.at {
            At::Core(caller) => caller.data_mut(),
            At::Component(store) => store.data_mut(),
        }
    }

    /// The bytes of the guest's memory, and the host's data beside them.
    fn memory(&mut self) -> Result<(&mut [u8], &mut Host), HostFault> {
        match &mut self.at {
            At::Core(caller) => match caller.get_export("memory") {
                Some(Extern::Memory(memory)) => Ok(memory.data_and_store_mut(caller)),
                _ => Err(HostFault::NoMemory),
            },
            At::Component(_) => Err(HostFault::NoMemory),
        }
    }

    /// The size of the guest's memory, in bytes.
    ///
    /// # Errors
    ///
    /// If the guest exports no memory.
    pub fn memory_size(&mut self) -> Result<u64, HostFault> {
        self.memory().map(|(bytes, _)| bytes.len() as u64)
    }

    /// A copy of `length` bytes of the guest's memory, from `pointer` on. They are charged to the guest's `host-work`.
    ///
    /// # Errors
    ///
    /// If they do not lie within the memory, or the budget is spent.
    pub fn read(&mut self, pointer: u32, length: u32) -> Result<Vec<u8>, HostFault> {
        let (bytes, host) = self.memory()?;
        let range = within(bytes.len(), pointer, u64::from(length))?;
        charge(host, u64::from(length))?;
        Ok(bytes[range].to_vec())
    }

    /// Text of the guest's memory.
    ///
    /// # Errors
    ///
    /// If it does not lie within the memory, is not UTF-8, or the budget is spent.
    pub fn string(&mut self, pointer: u32, length: u32) -> Result<String, HostFault> {
        String::from_utf8(self.read(pointer, length)?).map_err(|_| HostFault::NotText { pointer })
    }

    /// Writes bytes into the guest's memory at `pointer`. They are charged to the guest's `host-work`.
    ///
    /// # Errors
    ///
    /// If they do not fit into the memory there, or the budget is spent. Nothing is written then.
    pub fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), HostFault> {
        let (memory, host) = self.memory()?;
        let range = within(memory.len(), pointer, bytes.len() as u64)?;
        charge(host, bytes.len() as u64)?;
        memory[range].copy_from_slice(bytes);
        Ok(())
    }

    /// Charges work that the host does for the guest and that no other method sees, in bytes.
    ///
    /// # Errors
    ///
    /// If the budget is spent: hand it on with `?`, and the run ends with `limit-host-work`.
    pub fn charge(&mut self, bytes: u64) -> Result<(), HostFault> {
        charge(self.host(), bytes)
    }

    /// Calls an exported function of the guest from within a host function. Fuel, deadline and memory go on counting.
    ///
    /// # Errors
    ///
    /// If the nesting is too deep, there is no such function, the values do not fit, or the guest ends. A component cannot be called
    /// back: the component model forbids it.
    pub async fn call<A, R>(&mut self, function: &str, arguments: A) -> Result<R, HostFault>
    where
        A: Serialize + Send,
        R: DeserializeOwned,
    {
        let limit = self.reentry;
        let At::Core(caller) = &mut self.at else { return Err(HostFault::NoExport(function.to_owned())) };
        let Some(Extern::Func(callee)) = caller.get_export(function) else {
            return Err(HostFault::NoExport(function.to_owned()));
        };
        let arguments = typed::arguments(&arguments)?;
        let kind = callee.ty(&*caller);
        let arguments = typed::to_core(&arguments, kind.params())?;
        let mut results = vec![Val::I32(0); kind.results().len()];
        let host = caller.data_mut();
        if host.custom.depth >= limit {
            return Err(HostFault::TooDeep { limit });
        }
        host.custom.depth += 1;
        let end = callee.call_async(&mut *caller, &arguments, &mut results).await;
        caller.data_mut().custom.depth -= 1;
        end.map_err(|error| HostFault::Guest(GuestEnded(error)))?;
        let results = results.iter().map(typed::from_core).collect::<Option<Vec<_>>>();
        let results = results.ok_or_else(|| ValueError::new("a result that is no number"))?;
        Ok(typed::results(results)?)
    }
}

/// The range of `length` bytes at `pointer`, if it lies within `size` bytes.
fn within(size: usize, pointer: u32, length: u64) -> Result<std::ops::Range<usize>, HostFault> {
    let fault = || HostFault::OutOfBounds { pointer, length, size: size as u64 };
    let start = usize::try_from(pointer).map_err(|_| fault())?;
    let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length)).ok_or_else(fault)?;
    if end > size { Err(fault()) } else { Ok(start..end) }
}

impl Functions {
    /// Adds a function that answers at once.
    pub(crate) fn add<A, R, F>(&mut self, module: &str, name: &str, function: F)
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(&mut HostCall<'_>, A) -> Result<R, HostFault> + Send + Sync + 'static,
    {
        let body = move |call: &mut HostCall<'_>, values: Vec<Value>| -> Result<Vec<Value>, HostFault> {
            let arguments = typed::given::<A>(values).map_err(|error| error.at("arguments"))?;
            Ok(typed::arguments(&function(call, arguments)?)?)
        };
        let body: Arc<Body> = Arc::new(move |call, values| Box::pin(std::future::ready(body(call, values))));
        self.insert(module, name, body);
    }

    /// Adds a function that may wait or call the guest back.
    pub(crate) fn add_async<A, R, F>(&mut self, module: &str, name: &str, function: F)
    where
        A: DeserializeOwned,
        R: Serialize + Send + 'static,
        F: for<'a, 'b> Fn(&'a mut HostCall<'b>, A) -> HostFuture<'a, R> + Send + Sync + 'static,
    {
        let body: Arc<Body> = Arc::new(move |call, values| {
            let arguments = typed::given::<A>(values).map_err(|error| error.at("arguments"));
            let running = arguments.map(|arguments| function(call, arguments));
            Box::pin(async move { Ok(typed::arguments(&running?.await?)?) })
        });
        self.insert(module, name, body);
    }

    fn insert(&mut self, module: &str, name: &str, body: Arc<Body>) {
        self.functions.retain(|function| (function.module.as_str(), function.name.as_str()) != (module, name));
        self.functions.push(Function { module: module.to_owned(), name: name.to_owned(), body });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Whether an import of this name is among them.
    pub(crate) fn has(&self, module: &str, name: &str) -> bool {
        self.functions.iter().any(|function| function.module == module && function.name == name)
    }

    /// Links those that a module imports, with the types that the module imports them by.
    pub(crate) fn link_module(&self, linker: &mut Linker<Host>, module: &Module) -> wasmtime::Result<()> {
        for import in module.imports() {
            let ExternType::Func(kind) = import.ty() else { continue };
            let mut known = self.functions.iter();
            let Some(function) =
                known.find(|function| function.module == import.module() && function.name == import.name())
            else {
                continue;
            };
            let (body, reentry) = (Arc::clone(&function.body), self.reentry);
            let kinds: Arc<[wasmtime::ValType]> = kind.results().collect();
            // A module may import one function twice.
            linker.allow_shadowing(true);
            linker.func_new_async(import.module(), import.name(), kind, move |caller, given, results| {
                let (body, kinds) = (Arc::clone(&body), Arc::clone(&kinds));
                Box::new(async move {
                    let mut call = HostCall { at: At::Core(caller), reentry };
                    let answer = answer_core(&body, &mut call, &kinds, given).await.map_err(HostFault::into_error)?;
                    for (slot, value) in results.iter_mut().zip(answer) {
                        *slot = value;
                    }
                    Ok(())
                })
            })?;
            linker.allow_shadowing(false);
        }
        Ok(())
    }

    /// Links all of them for components, by interface; an empty name is the component's root.
    pub(crate) fn link_components(&self, linker: &mut component::Linker<Host>) -> wasmtime::Result<()> {
        let mut interfaces: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
        for function in &self.functions {
            interfaces.entry(&function.module).or_default().push(function);
        }
        for (interface, functions) in interfaces {
            let mut instance = if interface.is_empty() { linker.root() } else { linker.instance(interface)? };
            for function in functions {
                let (body, reentry) = (Arc::clone(&function.body), self.reentry);
                instance.func_new_async(&function.name, move |store, kind, given, results| {
                    let body = Arc::clone(&body);
                    Box::new(async move {
                        let mut call = HostCall { at: At::Component(store), reentry };
                        let answer =
                            answer_component(&body, &mut call, &kind, given).await.map_err(HostFault::into_error)?;
                        for (slot, value) in results.iter_mut().zip(answer) {
                            *slot = value;
                        }
                        Ok(())
                    })
                })?;
            }
        }
        Ok(())
    }
}

async fn answer_core(
    body: &Arc<Body>,
    call: &mut HostCall<'_>,
    kinds: &[wasmtime::ValType],
    given: &[Val],
) -> Result<Vec<Val>, HostFault> {
    call.charge(CALL_COST)?;
    let given = given.iter().map(typed::from_core).collect::<Option<Vec<_>>>();
    let given = given.ok_or_else(|| ValueError::new("an argument that is no number").at("arguments"))?;
    let answer = body(call, given).await?;
    Ok(typed::to_core(&answer, kinds.iter().cloned())?)
}

async fn answer_component(
    body: &Arc<Body>,
    call: &mut HostCall<'_>,
    kind: &component::types::ComponentFunc,
    given: &[ComponentVal],
) -> Result<Vec<ComponentVal>, HostFault> {
    call.charge(CALL_COST)?;
    let mut resources = Vec::new();
    let given = given.iter().map(|value| typed::from_component(value.clone(), &mut resources)).collect();
    let answer = body(call, given).await?;
    if answer.len() != kind.results().len() {
        let what = format!("the function returns {} values, the host's gave {}", kind.results().len(), answer.len());
        return Err(ValueError::new(what).at("results").into());
    }
    let answer = answer.iter().zip(kind.results()).map(|(value, kind)| typed::to_component(value, &kind));
    Ok(answer.collect::<Result<_, _>>()?)
}
