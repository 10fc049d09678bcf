//! What the program stores between starts: the choices in the window, the microphone, and the recording.
//!
//! In: the file left by the last run. Out: the same file, written by a dedicated thread whenever something changes, and at the end. Only one window uses it
//! at a time; a second one, which would overwrite the first one's recording, stores nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use moodline_engine::files::{WriteError, write_atomically};
use nice_plug::plugin::PluginState;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::tell;
use crate::session::{SaveScope, Saved, validate};

/// Names of the file, of the lock file beside it, and of one that could not be read.
const FILE: &str = "standalone.json";
const LOCK: &str = "standalone.lock";
const UNREADABLE: &str = "standalone-unreadable.json";

/// Longest time that is lost if the program is killed.
const EVERY: Duration = Duration::from_secs(10);

/// The microphone to use from the next start.
pub(super) type ChosenMicrophone = Arc<Mutex<Option<String>>>;

/// The stored data. Parts missing from an older version have their initial values.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Kept {
    /// The microphone; `None` is the system's default.
    pub(super) microphone: Option<String>,
    /// Parameters, choices and timeline, as a host would save them.
    pub(super) state: PluginState,
}

impl Default for Kept {
    fn default() -> Self {
        let state = PluginState { version: String::new(), params: BTreeMap::new(), fields: BTreeMap::new() };
        Self { microphone: None, state }
    }
}

/// The storage location, which belongs to this process while this exists.
pub(super) struct Store {
    file: PathBuf,
    _lock: File,
}

impl Store {
    /// Locks the user's store and reads its contents. `None`, after reporting it, if nothing can be stored.
    pub(super) fn open() -> Option<(Self, Kept)> {
        let opened = folder()
            .ok_or_else(|| "neither a home nor a folder for settings is named".to_owned())
            .and_then(|folder| Self::open_in(&folder));
        opened.inspect_err(|reason| tell(format_args!("nothing is kept for the next start, because {reason}"))).ok()
    }

    fn open_in(folder: &Path) -> Result<(Self, Kept), String> {
        let of_folder = |error: io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(of_folder)?;
        let lock = File::create(folder.join(LOCK)).map_err(of_folder)?;
        lock.try_lock().map_err(|_| "another window of Moodline is open and keeps its own".to_owned())?;
        let file = folder.join(FILE);
        let kept = match fs::read(&file) {
            Ok(bytes) => read(&bytes).or_else(|reason| set_aside(&file, &reason))?,
            Err(error) if error.kind() == ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(of_folder(error)),
        };
        Ok((Self { file, _lock: lock }, kept))
    }

    fn write(&self, kept: &[u8]) -> Result<(), WriteError> {
        write_atomically(&self.file, kept)
    }
}

/// Parses `bytes`; the error is a sentence.
fn read(bytes: &[u8]) -> Result<Kept, String> {
    let kept: Kept = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    validate(&kept.state).map_err(|error| error.to_string())?;
    Ok(kept)
}

/// Renames a file that cannot be read, so that it is not lost when the next one is written.
fn set_aside(file: &Path, reason: &str) -> Result<Kept, String> {
    let aside = file.with_file_name(UNREADABLE);
    fs::rename(file, &aside).map_err(|error| format!("{} cannot be read ({reason}) or moved: {error}", file.display()))?;
    tell(format_args!("what was kept cannot be read ({reason}); it is now {}", aside.display()));
    Ok(Kept::default())
}

/// The folder for this user's program data.
fn folder() -> Option<PathBuf> {
    #[cfg(target_os = "windows")]
    let settings = absolute("APPDATA");
    #[cfg(target_os = "macos")]
    let settings = absolute("HOME").map(|home| home.join("Library").join("Application Support"));
    // By the XDG base directory specification.
    #[cfg(not(any(target_os = "macos", target_os = "windows")))]
    let settings = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    settings.map(|settings| settings.join("moodline"))
}

fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The thread that saves changes; [`Keeper::finish`] ends it.
pub(super) struct Keeper {
    end: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts saving `saved` and `microphone` in `store`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(store: Store, saved: Arc<Saved>, microphone: ChosenMicrophone) -> io::Result<Self> {
        let (end, ended) = channel();
        let thread = thread::Builder::new().name("moodline-keeper".to_owned()).spawn(move || {
            let mut written = Written::default();
            loop {
                let goes_on = ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout);
                written.update(&store, encoded(&saved, &microphone));
                if !goes_on {
                    break;
                }
            }
        })?;
        Ok(Self { end, thread: Some(thread) })
    }

    /// Saves the current state for the last time.
    pub(super) fn finish(&mut self) {
        // The thread may have panicked, which it reports on standard error.
        let _ = self.end.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the file holds.
#[derive(Default)]
struct Written {
    kept: Vec<u8>,
    /// Whether the last attempt failed, which is told once.
    has_failed: bool,
}

impl Written {
    /// Writes `now` if the file does not hold it; what cannot be written is tried again at the next call.
    fn update(&mut self, store: &Store, now: Vec<u8>) {
        if now == self.kept {
            return;
        }
        match store.write(&now) {
            Ok(()) => *self = Self { kept: now, has_failed: false },
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    tell(format_args!("what was recorded could not be kept: {error}"));
                }
            }
        }
    }
}

fn encoded(saved: &Saved, microphone: &ChosenMicrophone) -> Vec<u8> {
    let state = PluginState {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        params: saved.params.saved(),
        fields: saved.fields(SaveScope::Everything),
    };
    let kept = Kept { microphone: microphone.lock().clone(), state };
    // INVARIANT: parameter values are finite, and the rest is text.
    serde_json::to_vec(&kept).expect("it is valid JSON")
}

#[cfg(test)]
mod tests {
    use moodline_engine::State;
    use moodline_engine::timeline::{Timeline, Timelines};

    use super::*;
    use crate::instance::Instance;
    use crate::session::Theme;

    #[test]
    fn what_is_kept_is_there_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut timeline = Timeline::default();
        timeline.insert_segment(0.0, 5.0, 5.0, State::NoSpeech);
        let timelines = Timelines { host: timeline, stream: Timeline::default() };

        let (store, kept) = Store::open_in(folder.path()).unwrap();
        assert!(kept.state.fields.is_empty() && kept.microphone.is_none());
        let instance = Instance::default();
        let microphone = ChosenMicrophone::default();
        let mut keeper = Keeper::start(store, instance.saved(), Arc::clone(&microphone)).unwrap();
        instance.saved().session.session.write().theme = Theme::Light;
        instance.control().restore(timelines.clone());
        *microphone.lock() = Some("Blue Snowball".to_owned());
        keeper.finish();

        let (_store, kept) = Store::open_in(folder.path()).unwrap();
        let next = Instance::default();
        next.saved().take_fields(&kept.state.fields, SaveScope::Everything);
        assert_eq!(next.saved().session.session.read().theme, Theme::Light);
        assert_eq!(next.monitor().timelines().encode(), timelines.encode());
        assert_eq!(kept.microphone.as_deref(), Some("Blue Snowball"));
        assert!(kept.state.params.contains_key("hop"));
    }

    #[test]
    fn what_could_not_be_written_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open_in(folder.path()).unwrap();
        let obstacle = folder.path().join(FILE);
        fs::create_dir(&obstacle).unwrap();
        let mut written = Written::default();
        written.update(&store, b"now".to_vec());
        assert!(written.has_failed && obstacle.is_dir());
        fs::remove_dir(&obstacle).unwrap();
        written.update(&store, b"now".to_vec());
        assert!(!written.has_failed);
        assert_eq!(fs::read(&obstacle).unwrap(), b"now");
    }

    #[test]
    fn a_second_window_keeps_nothing_and_what_cannot_be_read_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let damaged = b"{\"state\": {\"params\": {\"hop\": {\"f32\": 1e9}}, \"fields\": {}}}";
        fs::write(folder.path().join(FILE), damaged).unwrap();
        let (first, kept) = Store::open_in(folder.path()).unwrap();
        assert!(kept.state.params.is_empty());
        assert_eq!(fs::read(folder.path().join(UNREADABLE)).unwrap(), damaged);
        assert!(Store::open_in(folder.path()).err().unwrap().contains("another window"));
        drop(first);
        assert!(Store::open_in(folder.path()).is_ok());
    }
}
