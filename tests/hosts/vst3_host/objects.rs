//! The objects that the host gives a plugin to call: itself, its edit handler, streams, and parameter changes.
#![allow(
    unsafe_code,
    reason = "VST3 declares every method unsafe; they check for null and otherwise trust a plugin as hosts must"
)]

use std::ffi::c_void;
use std::ptr;
use std::slice;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use vst3::Steinberg::Vst::{
    IComponentHandler, IComponentHandlerTrait, IHostApplication, IHostApplicationTrait, IParamValueQueue, IParamValueQueueTrait,
    IParameterChanges, IParameterChangesTrait, ParamID, ParamValue, String128,
};
use vst3::Steinberg::{
    IBStream, IBStream_::IStreamSeekMode_, IBStreamTrait, TUID, int32, int64, kInvalidArgument, kNoInterface, kResultFalse,
    kResultOk, tresult,
};
use vst3::{Class, ComWrapper};

/// The host application.
pub(crate) struct Application;

impl Class for Application {
    type Interfaces = (IHostApplication,);
}

impl IHostApplicationTrait for Application {
    unsafe fn getName(&self, name: *mut String128) -> tresult {
        const NAME: &str = "moodline-tests";
        // SAFETY: null, or room for 128 units.
        let Some(name) = (unsafe { name.as_mut() }) else { return kInvalidArgument };
        name.fill(0);
        for (unit, character) in name.iter_mut().zip(NAME.encode_utf16()) {
            *unit = character;
        }
        kResultOk
    }

    unsafe fn createInstance(&self, _class: *mut TUID, _interface: *mut TUID, _object: *mut *mut c_void) -> tresult {
        kNoInterface
    }
}

/// Accepts every edit and ignores it.
pub(crate) struct Handler;

impl Class for Handler {
    type Interfaces = (IComponentHandler,);
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, _id: ParamID) -> tresult {
        kResultOk
    }
    unsafe fn performEdit(&self, _id: ParamID, _value: ParamValue) -> tresult {
        kResultOk
    }
    unsafe fn endEdit(&self, _id: ParamID) -> tresult {
        kResultOk
    }
    unsafe fn restartComponent(&self, _flags: int32) -> tresult {
        kResultOk
    }
}

/// An in-memory stream with limited capacity. It accepts what fits, and refuses when it is full.
pub(crate) struct Stream {
    room: usize,
    content: Mutex<Content>,
}

struct Content {
    bytes: Vec<u8>,
    position: usize,
}

impl Stream {
    pub(crate) fn with_room(room: usize) -> Self {
        Self { room, content: Mutex::new(Content { bytes: Vec::new(), position: 0 }) }
    }

    /// A stream that can be read from the beginning.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { room: bytes.len(), content: Mutex::new(Content { bytes: bytes.to_vec(), position: 0 }) }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.content.lock().unwrap().bytes.clone()
    }
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, n_wanted: int32, n_read: *mut int32) -> tresult {
        let mut content = self.content.lock().unwrap();
        let rest = content.bytes.get(content.position..).unwrap_or_default();
        let n = rest.len().min(n_wanted.try_into().unwrap_or(0));
        // SAFETY: the caller has room for the requested number.
        unsafe {
            buffer.cast::<u8>().copy_from(rest.as_ptr(), n);
            if let Some(n_read) = n_read.as_mut() {
                *n_read = n as int32;
            }
        }
        content.position += n;
        kResultOk
    }

    unsafe fn write(&self, buffer: *mut c_void, n_offered: int32, n_written: *mut int32) -> tresult {
        let mut content = self.content.lock().unwrap();
        let n = self.room.saturating_sub(content.position).min(n_offered.try_into().unwrap_or(0));
        let (start, end) = (content.position, content.position + n);
        if content.bytes.len() < end {
            content.bytes.resize(end, 0);
        }
        // SAFETY: the caller provides the offered number.
        unsafe {
            content.bytes[start..end].copy_from_slice(slice::from_raw_parts(buffer.cast(), n));
            if let Some(n_written) = n_written.as_mut() {
                *n_written = n as int32;
            }
        }
        content.position = end;
        if n > 0 || n_offered == 0 { kResultOk } else { kResultFalse }
    }

    unsafe fn seek(&self, offset: int64, mode: int32, result: *mut int64) -> tresult {
        let mut content = self.content.lock().unwrap();
        let from = match mode as u32 {
            IStreamSeekMode_::kIBSeekSet => 0,
            IStreamSeekMode_::kIBSeekCur => content.position,
            IStreamSeekMode_::kIBSeekEnd => content.bytes.len(),
            _ => return kInvalidArgument,
        };
        let Some(position) = from.checked_add_signed(offset as isize) else { return kInvalidArgument };
        content.position = position;
        // SAFETY: null or a place for the answer.
        unsafe { result.as_mut().map(|result| *result = position as int64) };
        kResultOk
    }

    unsafe fn tell(&self, position: *mut int64) -> tresult {
        // SAFETY: null or a place for the answer.
        let Some(position) = (unsafe { position.as_mut() }) else { return kInvalidArgument };
        *position = self.content.lock().unwrap().position as int64;
        kResultOk
    }
}

/// A parameter change at a frame of a buffer, to a value from 0 to 1.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    pub(crate) frame: u32,
    pub(crate) id: ParamID,
    pub(crate) normalized: f64,
}

/// The changes of a buffer, at most one; created once and filled without allocating.
pub(crate) struct Changes {
    queue: ComWrapper<Queue>,
    n: AtomicI32,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self { queue: ComWrapper::new(Queue::default()), n: AtomicI32::new(0) }
    }

    pub(crate) fn fill(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.queue.frame.store(change.frame as i32, Ordering::Relaxed);
            self.queue.id.store(change.id, Ordering::Relaxed);
            self.queue.value.store(change.normalized.to_bits(), Ordering::Relaxed);
        }
        self.n.store(change.is_some().into(), Ordering::Relaxed);
    }
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> int32 {
        self.n.load(Ordering::Relaxed)
    }

    unsafe fn getParameterData(&self, index: int32) -> *mut IParamValueQueue {
        match self.queue.as_com_ref::<IParamValueQueue>() {
            Some(queue) if index == 0 => queue.as_ptr(),
            _ => ptr::null_mut(),
        }
    }

    unsafe fn addParameterData(&self, _id: *const ParamID, _index: *mut int32) -> *mut IParamValueQueue {
        ptr::null_mut()
    }
}

/// One change.
#[derive(Default)]
struct Queue {
    id: AtomicU32,
    frame: AtomicI32,
    value: AtomicU64,
}

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> ParamID {
        self.id.load(Ordering::Relaxed)
    }

    unsafe fn getPointCount(&self) -> int32 {
        1
    }

    unsafe fn getPoint(&self, index: int32, frame: *mut int32, value: *mut ParamValue) -> tresult {
        // SAFETY: null or a place for the answer.
        let (Some(frame), Some(value), 0) = (unsafe { (frame.as_mut(), value.as_mut(), index) }) else {
            return kInvalidArgument;
        };
        *frame = self.frame.load(Ordering::Relaxed);
        *value = f64::from_bits(self.value.load(Ordering::Relaxed));
        kResultOk
    }

    unsafe fn addPoint(&self, _frame: int32, _value: ParamValue, _index: *mut int32) -> tresult {
        kResultFalse
    }
}
