//! The VST3 entry point.
//!
//! In: a host's calls. Out: the framework's object wrapped in one of ours. Ours calls the framework's as Rust, not across C, so that a panic there can be
//! caught and converted to VST3's error for it.

mod announced;
mod component;
mod controller;
mod frame;
mod processor;
mod streams;
mod units;
mod view;

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nice_plug::params::Params as _;
use nice_plug::params::internals::ParamPtr;
use nice_plug::wrapper::setup_logger;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ChannelContext::IInfoListener;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAudioProcessor, IComponent, IEditController, IProcessContextRequirements, IUnitInfo,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3, IPluginFactory3Trait,
    IPluginFactoryTrait, PClassInfo, PClassInfo2, PClassInfoW, PFactoryInfo, TUID, int32, kInternalError, kInvalidArgument,
    kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComWrapper};
use nice_plug::wrapper::vst3::{PluginInfo, Wrapper};
use parking_lot::Mutex;

use announced::Announced;

use super::arrangements::Arrangements;
use super::link::Link;
use super::route::{ChannelLayout, Spare};
use crate::Moodline;

/// The host's object: component, processor and controller in one.
struct Guarded {
    inner: ComWrapper<Wrapper<Moodline>>,
    link: Arc<Link>,
    /// The parameters in order, with their host ids.
    params: Vec<(u32, ParamPtr, Announced)>,
    active: AtomicBool,
    processing: AtomicBool,
    arrangements: Arrangements,
    /// Index in [`ChannelLayout::ALL`].
    layout: AtomicUsize,
    max_frames: AtomicUsize,
    spare: Spare,
}

impl Class for Guarded {
    type Interfaces = (IComponent, IEditController, IAudioProcessor, IProcessContextRequirements, IUnitInfo, IInfoListener);
}

impl Guarded {
    fn new() -> ComWrapper<Self> {
        Anchor::cast();
        let (inner, link) = Link::of(|| ComWrapper::new(Wrapper::<Moodline>::new()));
        let params = link.saved.param_map().into_iter();
        let params = params.map(|(id, param, _)| (crate::params::host_id(&id), param, Announced::nothing())).collect();
        ComWrapper::new(Self {
            inner,
            link,
            params,
            active: AtomicBool::new(false),
            processing: AtomicBool::new(false),
            arrangements: Arrangements::stereo(),
            layout: AtomicUsize::new(ChannelLayout::STEREO.index()),
            max_frames: AtomicUsize::new(0),
            spare: Spare::new(),
        })
    }

    fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    fn layout(&self) -> ChannelLayout {
        ChannelLayout::ALL[self.layout.load(Ordering::Acquire)]
    }
}

impl Drop for Guarded {
    /// By then the framework's thread must have no work for this plugin: a task that arrives after a plugin is gone ends the thread, and with it the process
    /// once the last plugin goes.
    fn drop(&mut self) {
        Anchor::settle();
    }
}

/// An unused plugin. All plugins share one thread of the framework, which processes tasks in order: once a task of the anchor is done, the thread has
/// completed all earlier ones and released their plugins. It outlives all others, so that the thread never ends by dropping a plugin that it holds itself.
struct Anchor {
    /// Dropped with the anchor.
    _inner: ComWrapper<Wrapper<Moodline>>,
    link: Arc<Link>,
}

static ANCHOR: Mutex<Option<Anchor>> = Mutex::new(None);

/// Number of plugins, not counting the anchor.
static N_PLUGINS: AtomicUsize = AtomicUsize::new(0);

/// Time for the framework's thread to release the anchor after its last task; nothing signals when it has.
const LET_GO: Duration = Duration::from_millis(5);

impl Anchor {
    /// Counts a new plugin and makes sure that the anchor exists.
    fn cast() {
        N_PLUGINS.fetch_add(1, Ordering::AcqRel);
        ANCHOR.lock().get_or_insert_with(|| {
            let (inner, link) = Link::of(|| ComWrapper::new(Wrapper::<Moodline>::new()));
            Self { _inner: inner, link }
        });
    }

    /// Called when a plugin is dropped.
    fn settle() {
        let link = ANCHOR.lock().as_ref().map(|anchor| Arc::clone(&anchor.link));
        if let Some(link) = link {
            link.settle();
        }
        N_PLUGINS.fetch_sub(1, Ordering::AcqRel);
    }

    /// The library is unloaded, unless the host has loaded it more than once.
    fn weigh() {
        let anchor = {
            let mut anchor = ANCHOR.lock();
            if N_PLUGINS.load(Ordering::Acquire) > 0 {
                return;
            }
            anchor.take()
        };
        if anchor.is_some() {
            thread::sleep(LET_GO);
        }
    }
}

/// The result of `call`, or an internal error if it panics.
fn caught(call: impl FnOnce() -> tresult) -> tresult {
    super::unless_panicked(call).unwrap_or(kInternalError)
}

struct Factory(PluginInfo);

impl Class for Factory {
    type Interfaces = (IPluginFactory, IPluginFactory2, IPluginFactory3);
}

impl Factory {
    /// Fills `info` for the only class.
    unsafe fn describe<T>(&self, index: int32, info: *mut T, class: impl FnOnce(&PluginInfo) -> T) -> tresult {
        if index != 0 || info.is_null() {
            return kInvalidArgument;
        }
        unsafe { *info = class(&self.0) };
        kResultOk
    }
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        unsafe { self.describe(0, info, PluginInfo::create_factory_info) }
    }

    unsafe fn countClasses(&self) -> int32 {
        1
    }

    unsafe fn getClassInfo(&self, index: int32, info: *mut PClassInfo) -> tresult {
        unsafe { self.describe(index, info, PluginInfo::create_class_info) }
    }

    unsafe fn createInstance(&self, cid: FIDString, iid: FIDString, object: *mut *mut c_void) -> tresult {
        if cid.is_null() || iid.is_null() || object.is_null() {
            return kInvalidArgument;
        }
        unsafe { *object = std::ptr::null_mut() };
        if unsafe { *cid.cast::<[u8; 16]>() } != *self.0.cid {
            return kInvalidArgument;
        }
        caught(|| {
            let guarded = Guarded::new();
            // INVARIANT: every COM class is an FUnknown.
            let unknown = guarded.as_com_ref::<FUnknown>().expect("a COM class").as_ptr();
            unsafe { ((*(*unknown).vtbl).queryInterface)(unknown, iid.cast::<TUID>(), object) }
        })
    }
}

impl IPluginFactory2Trait for Factory {
    unsafe fn getClassInfo2(&self, index: int32, info: *mut PClassInfo2) -> tresult {
        unsafe { self.describe(index, info, PluginInfo::create_class_info_2) }
    }
}

impl IPluginFactory3Trait for Factory {
    unsafe fn getClassInfoUnicode(&self, index: int32, info: *mut PClassInfoW) -> tresult {
        unsafe { self.describe(index, info, PluginInfo::create_class_info_unicode) }
    }

    unsafe fn setHostContext(&self, _context: *mut FUnknown) -> tresult {
        kResultOk
    }
}

/// The first function that a host calls.
#[unsafe(no_mangle)]
pub(super) extern "system" fn GetPluginFactory() -> *mut c_void {
    // INVARIANT: the factory implements it.
    let factory = ComWrapper::new(Factory(PluginInfo::for_plugin::<Moodline>())).to_com_ptr::<IPluginFactory>();
    factory.expect("a factory").into_raw().cast()
}

/// Called after the library is loaded.
#[unsafe(no_mangle)]
#[cfg(all(target_family = "unix", not(target_os = "macos")))]
pub(super) extern "C" fn ModuleEntry(_library: *mut c_void) -> bool {
    setup_logger::<Moodline>();
    true
}

/// Called before the library is unloaded.
#[unsafe(no_mangle)]
#[cfg(all(target_family = "unix", not(target_os = "macos")))]
pub(super) extern "C" fn ModuleExit() -> bool {
    Anchor::weigh();
    true
}

/// Called after the library is loaded.
#[unsafe(no_mangle)]
#[cfg(target_os = "macos")]
pub(super) extern "C" fn bundleEntry(_bundle: *mut c_void) -> bool {
    setup_logger::<Moodline>();
    true
}

/// Called before the library is unloaded.
#[unsafe(no_mangle)]
#[cfg(target_os = "macos")]
pub(super) extern "C" fn bundleExit() -> bool {
    Anchor::weigh();
    true
}

/// Called after the library is loaded.
#[unsafe(no_mangle)]
#[cfg(target_os = "windows")]
pub(super) extern "system" fn InitDll() -> bool {
    setup_logger::<Moodline>();
    true
}

/// Called before the library is unloaded.
#[unsafe(no_mangle)]
#[cfg(target_os = "windows")]
pub(super) extern "system" fn ExitDll() -> bool {
    Anchor::weigh();
    true
}
