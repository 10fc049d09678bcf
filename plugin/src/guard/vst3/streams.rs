//! A host's streams, which may refuse, end early, or declare the purpose of a state.

use nice_plug::wrapper::vst3::vst3::ComRef;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAttributeListTrait as _, IStreamAttributes, IStreamAttributesTrait as _, PresetAttributes, StateType, TChar,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{IBStream, IBStreamTrait as _, int32, kResultOk};

use crate::guard::state::MAX_BYTES;
use crate::session::SaveScope;

/// Bytes read at a time.
const N_PIECE: usize = 1 << 16;
/// Maximum length of the name of a state type.
const N_NAME: usize = 128;

/// The scope of a state in the stream: if its attributes declare anything other than a project, it has no recorded timeline.
///
/// # Safety
/// The stream is valid (also below).
pub(super) unsafe fn part(stream: *mut IBStream) -> SaveScope {
    match unsafe { state_type(stream) } {
        Some(name) if name != unsafe { text(StateType::kProject) } => SaveScope::WithoutTimeline,
        _ => SaveScope::Everything,
    }
}

unsafe fn state_type(stream: *mut IBStream) -> Option<String> {
    unsafe {
        let attributes = ComRef::from_raw(stream)?.cast::<IStreamAttributes>()?;
        // The host keeps ownership of the list: this reference is not counted.
        let list = ComRef::from_raw(attributes.getAttributes())?;
        let mut name: [TChar; N_NAME] = [0; N_NAME];
        let found = list.getString(PresetAttributes::kStateType, name.as_mut_ptr(), size_of_val(&name) as u32);
        let n = name.iter().position(|unit| *unit == 0)?;
        (found == kResultOk).then(|| String::from_utf16_lossy(&name[..n]))
    }
}

unsafe fn text(name: *const std::ffi::c_char) -> String {
    unsafe { std::ffi::CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

/// Everything from the current position to the end of the stream; `None` if it is longer than any state. Hosts return different codes at the end of a stream,
/// so the end is where no more bytes arrive.
pub(super) unsafe fn read(stream: *mut IBStream) -> Option<Vec<u8>> {
    let stream = unsafe { ComRef::from_raw(stream) }?;
    let (mut bytes, mut piece) = (Vec::new(), vec![0_u8; N_PIECE]);
    loop {
        let mut n_read: int32 = 0;
        unsafe { stream.read(piece.as_mut_ptr().cast(), N_PIECE as int32, &raw mut n_read) };
        match usize::try_from(n_read) {
            Ok(0) | Err(_) => return Some(bytes),
            Ok(n) => bytes.extend_from_slice(piece.get(..n)?),
        }
        if bytes.len() > MAX_BYTES {
            return None;
        }
    }
}

/// Writes `bytes`; returns whether the stream accepted all of them.
pub(super) unsafe fn write(stream: *mut IBStream, mut bytes: &[u8]) -> bool {
    let Some(stream) = (unsafe { ComRef::from_raw(stream) }) else { return false };
    while !bytes.is_empty() {
        let wanted = int32::try_from(bytes.len()).unwrap_or(int32::MAX);
        let mut n_written: int32 = 0;
        let result = unsafe { stream.write(bytes.as_ptr().cast_mut().cast(), wanted, &raw mut n_written) };
        match usize::try_from(n_written).ok().and_then(|n| bytes.get(n..)) {
            Some(rest) if result == kResultOk && rest.len() < bytes.len() => bytes = rest,
            _ => return false,
        }
    }
    true
}
