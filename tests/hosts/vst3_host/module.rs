//! A VST3 module: the library and the factory in it.
#![allow(
    unsafe_code,
    reason = "loads a library and calls its C interface; pointers are checked, and the library outlives what it made"
)]

use std::env;
use std::ffi::c_void;
use std::mem;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, OnceLock};

use libloading::Library;
use test_support::hosts;
use vst3::Steinberg::{FUnknown, IPluginFactory, IPluginFactory3, IPluginFactory3Trait, PClassInfo2, PFactoryInfo, kResultOk};
use vst3::Steinberg::{IPluginFactory2Trait as _, IPluginFactoryTrait as _};
use vst3::{ComPtr, ComWrapper, Interface};

use super::objects::Application;

/// A loaded library. Everything created by it must keep this alive.
pub(crate) struct Module {
    factory: Option<ComPtr<IPluginFactory3>>,
    library: Library,
    // The factory may keep the pointer.
    application: ComWrapper<Application>,
}

/// The library in the bundle named by `MOODLINE_VST3`; `None` after reporting that the test is skipped. It stays loaded: a process has one module of each
/// kind, and tests run in parallel.
pub(crate) fn load() -> Option<Arc<Module>> {
    static LOADED: OnceLock<Arc<Module>> = OnceLock::new();
    let bundle = hosts::vst3()?;
    Some(Arc::clone(LOADED.get_or_init(|| Arc::new(Module::open(&bundle)))))
}

impl Module {
    /// Loads and initialises the library; dropping this terminates and unloads it.
    pub(crate) fn open(bundle: &Path) -> Self {
        let name = bundle.file_stem().expect("a bundle has a name");
        let folder = bundle.join(format!("Contents/{}-linux", env::consts::ARCH));
        let path = folder.join(name).with_extension("so");
        // SAFETY: it is our library, and the functions have the types that VST3 gives them.
        unsafe {
            let library = Library::new(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let enter = library.get::<extern "C" fn(*mut c_void) -> bool>(b"ModuleEntry").expect("the library has an entry");
            // Ours does not need the library handle, and `dlopen` can only provide it as the loader's own type.
            assert!(enter(ptr::null_mut()), "the module starts");
            let make = library.get::<extern "system" fn() -> *mut IPluginFactory>(b"GetPluginFactory").expect("a factory");
            let factory = ComPtr::from_raw(make()).expect("the module makes a factory");
            let factory = factory.cast::<IPluginFactory3>().expect("the factory is of version 3");
            let application = ComWrapper::new(Application);
            let context = application.as_com_ref::<FUnknown>().expect("every object is an FUnknown");
            assert_eq!(factory.setHostContext(context.as_ptr()), kResultOk);
            Self { factory: Some(factory), library, application }
        }
    }

    fn factory(&self) -> &ComPtr<IPluginFactory3> {
        self.factory.as_ref().expect("it goes with the module")
    }

    /// The factory's classes, in order.
    pub(crate) fn classes(&self) -> Vec<PClassInfo2> {
        let factory = self.factory();
        // SAFETY: the struct consists of numbers and arrays of numbers, for which zeros are valid.
        unsafe {
            let info = |index| {
                let mut info = mem::zeroed();
                assert_eq!(factory.getClassInfo2(index, &raw mut info), kResultOk);
                info
            };
            (0..factory.countClasses()).map(info).collect()
        }
    }

    /// The factory's vendor information.
    pub(crate) fn factory_info(&self) -> PFactoryInfo {
        // SAFETY: as for the classes.
        unsafe {
            let mut info = mem::zeroed();
            assert_eq!(self.factory().getFactoryInfo(&raw mut info), kResultOk);
            info
        }
    }

    /// A new object of a class, or the factory's error.
    pub(crate) fn create<I: Interface>(&self, class: &PClassInfo2) -> Result<ComPtr<I>, i32> {
        let mut object = ptr::null_mut();
        // SAFETY: both ids have the required 16 bytes, and the result is an `I` with a reference for us.
        unsafe {
            let result = self.factory().createInstance(class.cid.as_ptr(), I::IID.as_ptr().cast(), &raw mut object);
            ComPtr::from_raw(object.cast()).filter(|_| result == kResultOk).ok_or(result)
        }
    }

    /// The host's application object.
    pub(crate) fn application(&self) -> *mut FUnknown {
        self.application.as_com_ref::<FUnknown>().expect("every object is an FUnknown").as_ptr()
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        self.factory = None;
        // SAFETY: as in `open`; nothing of the library is in use except threads that end with it.
        unsafe {
            let exit = self.library.get::<extern "C" fn() -> bool>(b"ModuleExit").expect("the library has an exit");
            assert!(exit(), "the module ends");
        }
    }
}
