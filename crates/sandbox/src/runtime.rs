//! What is made once and used by many runs: an engine with its linkers, and guests that are compiled and linked.

use std::sync::{Arc, OnceLock};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, LimitKey};
use gauntlet_target::{Outcome, Value};
use wasmtime::component::{self, Component};
use wasmtime::{CallHook, Engine, InstancePre, Linker, Module, Store, UpdateDeadline, Val, ValType};
use wasmtime_wasi::p2::bindings::{Command, CommandPre};

use crate::call_depth::{self, Guard};
use crate::execute::{BadCall, NoEntry, Unlinked, at_instantiation};
use crate::functions::Functions;
use crate::host::Host;
use crate::meter::{Reached, Work};
use crate::typed;
use crate::validate::{self, Shape};
use crate::{Protections, engine, preview1, preview2};

/// Least bytes of one call that the engine may copy out of a component, whatever the limits: a name, a small buffer.
const LEAST_COPIED: u64 = 64 << 10;

/// An engine and its linkers.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) protections: Protections,
    linker: Linker<Host>,
    /// Made when the first component comes: it has hundreds of functions, and most guests need none of them.
    components: OnceLock<component::Linker<Host>>,
    functions: Arc<Functions>,
}

/// A guest that is compiled, whose imports are matched by name and type, and that is ready to be instantiated.
pub(crate) enum Program {
    /// With what counts its frames, where they are counted.
    Module(InstancePre<Host>, Option<Guard>),
    Component {
        component: Component,
        linked: component::InstancePre<Host>,
        /// Boxed: commands know some twenty indices.
        command: Option<Box<CommandPre<Host>>>,
    },
}

/// A guest that was instantiated.
pub(crate) enum Instance {
    Module(wasmtime::Instance),
    Component(component::Instance),
    Command(Box<Command>),
}

/// What a call gave back.
#[derive(Debug, Default)]
pub(crate) struct Returned {
    pub(crate) results: Vec<Value>,
    /// The first result of a core function as a number, where it is an integer.
    pub(crate) number: Option<u64>,
}

/// What a call is made with.
#[derive(Clone, Copy, Default)]
pub(crate) struct Call<'a> {
    pub(crate) entry: Option<&'a str>,
    pub(crate) nonce: &'a str,
    pub(crate) arguments: &'a [Value],
}

impl Runtime {
    /// Builds engine and linkers for a policy.
    pub(crate) fn new(
        policy: &Policy,
        protections: Protections,
        options: &engine::Options,
        functions: Arc<Functions>,
    ) -> wasmtime::Result<Self> {
        let engine = engine::build(policy, &protections, options)?;
        let mut linker = Linker::new(&engine);
        let denied = |name: &str| policy.modules.deny.iter().any(|denied| denied.value == name);
        preview1::link(&mut linker, denied)?;
        Ok(Self { engine, protections, linker, components: OnceLock::new(), functions })
    }

    fn components(&self) -> wasmtime::Result<&component::Linker<Host>> {
        if let Some(components) = self.components.get() {
            return Ok(components);
        }
        let mut components = component::Linker::new(&self.engine);
        preview2::link(&mut components)?;
        self.functions.link_components(&mut components)?;
        Ok(self.components.get_or_init(|| components))
    }

    /// Checks a guest against the policy and says what it is.
    pub(crate) fn check(&self, guest: &[u8], signature: Option<&[u8]>, policy: &Policy) -> Result<Shape, Box<Outcome>> {
        validate::check(guest, signature, policy, &self.protections)
    }

    /// Checks a guest whose code is kept: it was validated when that was made, and the features are part of what it is found by. Should the
    /// code not be found after all, the engine validates the guest before it compiles it.
    pub(crate) fn check_kept(
        &self,
        guest: &[u8],
        signature: Option<&[u8]>,
        policy: &Policy,
    ) -> Result<Shape, Box<Outcome>> {
        validate::admit(guest, signature, policy, &self.protections)?;
        let shape = validate::claim(guest)?;
        // What depends on limits that code is not found by.
        validate::weigh_globals(guest, shape, &self.protections)?;
        Ok(shape)
    }

    /// Says what a guest is that was admitted.
    pub(crate) fn shape(&self, guest: &[u8], policy: &Policy) -> Result<Shape, Box<Outcome>> {
        let shape = validate::shape(guest, policy, &self.protections)?;
        validate::weigh_globals(guest, shape, &self.protections)?;
        Ok(shape)
    }

    /// Compiles a guest that was checked.
    pub(crate) fn compile(&self, guest: &[u8], shape: Shape) -> Result<Compiled, Box<Outcome>> {
        let refused = |detail: String| Box::new(Outcome::refused(Cause::RefusedModule, detail));
        let counted = match (shape, self.protections.limit(LimitKey::CallDepth)) {
            (Shape::Module, Some(limit)) => {
                Some(call_depth::instrument(guest, limit).map_err(|error| refused(error.to_string()))?)
            }
            (Shape::Module, None) | (Shape::Component, _) => None,
        };
        let compiled = match shape {
            Shape::Module => {
                let (bytes, guard) = counted.map_or((None, None), |counted| (Some(counted.bytes), Some(counted.guard)));
                Module::from_binary(&self.engine, bytes.as_deref().unwrap_or(guest))
                    .map(|module| Compiled::Module(module, guard))
            }
            Shape::Component => Component::from_binary(&self.engine, guest).map(Compiled::Component),
        };
        compiled.map_err(|error| refused(format!("{error:#}")))
    }

    /// Matches every import by name and type: what is not linked is refused before anything runs.
    pub(crate) fn link(&self, compiled: Compiled) -> wasmtime::Result<Program> {
        match compiled {
            Compiled::Module(module, guard) => {
                let own;
                let linker = if self.functions.is_empty() {
                    &self.linker
                } else {
                    let mut with = self.linker.clone();
                    self.functions.link_module(&mut with, &module)?;
                    own = with;
                    &own
                };
                match linker.instantiate_pre(&module) {
                    Ok(linked) => Ok(Program::Module(linked, guard)),
                    Err(error) => Err(match error.downcast_ref::<wasmtime::UnknownImportError>() {
                        Some(unknown) => Unlinked(format!("{}::{}", unknown.module(), unknown.name())).into(),
                        None => Unlinked(format!("{error:#}")).into(),
                    }),
                }
            }
            Compiled::Component(component) => {
                let linked =
                    self.components()?.instantiate_pre(&component).map_err(|error| Unlinked(format!("{error:#}")))?;
                let command = CommandPre::new(linked.clone()).ok().map(Box::new);
                Ok(Program::Component { component, linked, command })
            }
        }
    }

    /// A store with every limit set. `reached` is asked at each tick that the guest computes through.
    pub(crate) fn store(
        &self,
        mut host: Host,
        guest: &[u8],
        program: &Program,
        reached: impl Fn() -> Option<LimitKey> + Send + Sync + 'static,
    ) -> Store<Host> {
        host.limiter.expect(guest);
        let components = matches!(program, Program::Component { .. });
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.limiter);
        self.refuel(&mut store);
        // The engine's own bound on handles ends a run without a typed reason, so it stands above the table's, which has one.
        let handles = self
            .protections
            .limit(LimitKey::Handles)
            .map_or(usize::MAX, |handles| usize::try_from(handles).unwrap_or(usize::MAX));
        store.set_max_component_handles(handles.saturating_mul(2).saturating_add(64));
        // What the engine copies out of a component for one call, before anybody is asked: no more than may be worked through at all, and
        // a part of the memory, since a value takes more on the host's side and may be copied again.
        let of = |key| self.protections.limit(key);
        let copied = [of(LimitKey::HostWork), of(LimitKey::Memory).map(|bytes| bytes / 4)].into_iter().flatten().min();
        if let Some(copied) = copied {
            let most = u64::try_from(store.hostcall_fuel()).unwrap_or(u64::MAX);
            store.set_hostcall_fuel(usize::try_from(copied.clamp(LEAST_COPIED, most)).unwrap_or(usize::MAX));
        }
        store.set_epoch_deadline(1);
        if components {
            // Preview 1 charges its functions one by one; of a component's interfaces only some stand behind a delegate, so each call is
            // charged here. The engine's own calls for a component, as for a growing memory, pass here, too, and are work of the host. The
            // hook costs 15 ns a call: 8.4 ns without it and 23.5 ns with it, for an empty host function called from a core module on a core
            // of 2.1 GHz, as the median of five runs of five million calls.
            store.call_hook(|host, hook| match hook {
                CallHook::CallingHost => host.data().meter.work(Work::Call, "host call", 0),
                CallHook::ReturningFromHost => host.data().tally.check(),
                CallHook::CallingWasm | CallHook::ReturningFromWasm => Ok(()),
            });
        }
        let sampler = store.data().sampler.clone();
        store.epoch_deadline_callback(move |guest| match reached() {
            Some(limit) => Err(Reached(limit).into()),
            None => {
                sampler.sample(&guest);
                Ok(UpdateDeadline::Yield(1))
            }
        });
        store
    }

    /// Fills the tank.
    pub(crate) fn refuel(&self, store: &mut Store<Host>) {
        if let Some(fuel) = self.protections.limit(LimitKey::Fuel) {
            // Fuel was switched on in the engine exactly when there is a limit.
            let _ = store.set_fuel(fuel);
        }
    }

    /// Fuel that was burnt since the tank was filled, if it is counted.
    pub(crate) fn fuel(&self, store: &Store<Host>) -> Option<u64> {
        let cap = self.protections.limit(LimitKey::Fuel)?;
        Some(cap.saturating_sub(store.get_fuel().ok()?))
    }
}

/// A guest that is compiled and not linked yet.
pub(crate) enum Compiled {
    Module(Module, Option<Guard>),
    Component(Component),
}

impl Program {
    /// Instantiates the guest: start functions run here. `command` is whether a component is to be run as `wasi:cli/run`.
    pub(crate) async fn instantiate(&self, store: &mut Store<Host>, entry: Option<&str>) -> wasmtime::Result<Instance> {
        let instance = match self {
            Self::Module(linked, _) => linked.instantiate_async(&mut *store).await.map(Instance::Module),
            Self::Component { linked, command, .. } => match (entry, command) {
                (None, None) => return Err(NoEntry("wasi:cli/run".to_owned()).into()),
                (None, Some(command)) => {
                    command.instantiate_async(&mut *store).await.map(|command| Instance::Command(Box::new(command)))
                }
                (Some(_), _) => linked.instantiate_async(&mut *store).await.map(Instance::Component),
            },
        };
        let instance = instance
            .map_err(|error| self.deepest(error, store))
            .map_err(|error| at_instantiation(error, &store.data().tally))?;
        store.data().timeline.mark(|| "instantiated".into());
        if let Instance::Module(module) = &instance
            && entry.is_some_and(|entry| entry != "_start")
            && let Some(initialize) = module.get_func(&mut *store, "_initialize")
            && initialize.ty(&*store).params().len() == 0
            && initialize.ty(&*store).results().len() == 0
        {
            // A library of preview 1 has to be told that it lives, once, before its first function is called.
            initialize.call_async(&mut *store, &[], &mut []).await?;
        }
        Ok(instance)
    }

    /// Finds the limit behind an error of the function that counts frames.
    fn deepest(&self, error: wasmtime::Error, store: &mut Store<Host>) -> wasmtime::Error {
        match self {
            Self::Module(_, Some(guard)) if guard.met(&error) => {
                let host = store.data_mut();
                host.depth = host.limiter.call_depth;
                error.context(Reached(LimitKey::CallDepth))
            }
            Self::Module(..) | Self::Component { .. } => error,
        }
    }

    /// Calls an entry of an instance of this guest.
    pub(crate) async fn call(
        &self,
        store: &mut Store<Host>,
        instance: &Instance,
        call: Call<'_>,
    ) -> wasmtime::Result<Returned> {
        store.data().timeline.mark(|| "entered".into());
        match instance {
            Instance::Module(module) => {
                let entry = call.entry.unwrap_or("_start");
                let Some(function) = module.get_func(&mut *store, entry) else {
                    return Err(NoEntry(entry.to_owned()).into());
                };
                let called = call_core(store, &function, call).await;
                if let Self::Module(_, Some(guard)) = self {
                    store.data_mut().depth = guard.deepest(module, &mut *store);
                }
                called.map_err(|error| self.deepest(error, store))
            }
            Instance::Component(instance) => {
                let entry = call.entry.unwrap_or_default();
                let Self::Component { component, .. } = self else { return Err(NoEntry(entry.to_owned()).into()) };
                let Some(function) = find(component, entry).and_then(|index| instance.get_func(&mut *store, index))
                else {
                    return Err(NoEntry(entry.to_owned()).into());
                };
                call_component(store, function, call.arguments).await
            }
            Instance::Command(command) => match command.wasi_cli_run().call_run(&mut *store).await? {
                Ok(()) => Ok(Returned::default()),
                Err(()) => Err(wasmtime_wasi::I32Exit(1).into()),
            },
        }
    }
}

async fn call_core(store: &mut Store<Host>, function: &wasmtime::Func, call: Call<'_>) -> wasmtime::Result<Returned> {
    let kind = function.ty(&*store);
    let lone = kind.params().len() == 1 && matches!(kind.param(0), Some(ValType::I64));
    // A trial's guest without WASI is called with the nonce.
    let arguments = if call.arguments.is_empty() && lone && !call.nonce.is_empty() {
        vec![Val::I64(u64::from_str_radix(call.nonce, 16).unwrap_or(0).cast_signed())]
    } else {
        typed::to_core(call.arguments, kind.params()).map_err(BadCall)?
    };
    let mut results = vec![Val::I32(0); kind.results().len()];
    function.call_async(&mut *store, &arguments, &mut results).await?;
    let number = match results.first() {
        Some(Val::I64(value)) => Some(value.cast_unsigned()),
        Some(Val::I32(value)) => Some(u64::from(value.cast_unsigned())),
        _ => None,
    };
    // A result that cannot be told outside leaves all of them untold: half of a tuple would be another function's.
    let results = results.iter().map(typed::from_core).collect::<Option<Vec<_>>>().unwrap_or_default();
    Ok(Returned { results, number })
}

async fn call_component(
    store: &mut Store<Host>,
    function: component::Func,
    arguments: &[Value],
) -> wasmtime::Result<Returned> {
    let kind = function.ty(&*store);
    let wanted = kind.params().len();
    if wanted != arguments.len() {
        let what = format!("the function takes {wanted} arguments, {} were given", arguments.len());
        return Err(BadCall(typed::ValueError::new(what).at("arguments")).into());
    }
    let given = arguments.iter().zip(kind.params()).map(|(value, (name, kind))| {
        typed::to_component(value, &kind).map_err(|error| BadCall(error.at(format!("argument `{name}`"))))
    });
    let given: Vec<component::Val> = given.collect::<Result<_, _>>()?;
    let mut results = vec![component::Val::Bool(false); kind.results().len()];
    // Lifting the arguments calls the guest's allocator, and what the guest has to do after a return is done in here, too.
    function.call_async(&mut *store, &given, &mut results).await?;
    let mut resources = Vec::new();
    let results = results.into_iter().map(|value| typed::from_component(value, &mut resources)).collect();
    for resource in resources {
        // The destructor is the guest's code: it runs within the same call, under the same limits.
        resource.resource_drop_async(&mut *store).await?;
    }
    Ok(Returned { results, number: None })
}

/// Finds an exported function by `function` or `interface#function`; a bare name is also found within the only interface that has it,
/// and an interface also without its package and version.
fn find(component: &Component, entry: &str) -> Option<component::ComponentExportIndex> {
    if let Some((interface, function)) = entry.split_once('#') {
        let exact = component.get_export_index(None, interface);
        let instance = exact.or_else(|| {
            let kind = component.component_type();
            let mut near = kind.exports(component.engine()).filter(|(name, _)| bare(name) == interface);
            let (name, _) = near.next()?;
            near.next().is_none().then(|| component.get_export_index(None, name)).flatten()
        })?;
        return component.get_export_index(Some(&instance), function);
    }
    if let Some(index) = component.get_export_index(None, entry) {
        return Some(index);
    }
    let kind = component.component_type();
    let mut found = kind.exports(component.engine()).filter_map(|(name, _)| {
        let instance = component.get_export_index(None, name)?;
        component.get_export_index(Some(&instance), entry)
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// `wasi:http/types@0.2.0` is `types`.
fn bare(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    name.rsplit_once('/').map_or(name, |(_, name)| name)
}
