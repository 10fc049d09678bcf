//! Takes drops on behalf of the editor's window under X11.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use nice_plug_egui::baseview::WindowContext;
use raw_window_handle::{HasWindowHandle, RawWindowHandle};
use thiserror::Error;
use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, SelectionNotifyEvent,
    Timestamp, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::{Drops, first_file};

/// The supported version of the protocol.
const VERSION: u32 = 5;
/// Maximum length of a file list, in units of four bytes.
const LONGEST_LIST: u32 = 1 << 16;
/// Bit of an enter message: the source has more types than fit in the message.
const HAS_MORE_TYPES: u32 = 1;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        XdndAware,
        XdndProxy,
        XdndEnter,
        XdndPosition,
        XdndStatus,
        XdndLeave,
        XdndDrop,
        XdndFinished,
        XdndSelection,
        XdndTypeList,
        XdndActionCopy,
        UriList: b"text/uri-list",
        Result: b"MOODLINE_DROP",
        End: b"MOODLINE_END",
    }
}

/// Why drops cannot be received.
#[derive(Debug, Error)]
pub(crate) enum ProxyError {
    #[error("the window has no X11 number")]
    NoNumber,
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Reply(#[from] ReplyError),
    #[error(transparent)]
    ReplyOrId(#[from] ReplyOrIdError),
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}

/// An invisible window that receives drops, and the thread that waits for them; both end when this is dropped.
pub(crate) struct Proxy {
    connection: Arc<RustConnection>,
    atoms: Atoms,
    window: Window,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// The proxy for `editor`; passes dropped files to `drops`.
    pub(crate) fn of(editor: &WindowContext, drops: Drops) -> Result<Self, ProxyError> {
        let editor = number_of(editor).ok_or(ProxyError::NoNumber)?;
        let (connection, screen) = x11rb::connect(None)?;
        let atoms = Atoms::new(&connection)?.reply()?;
        let window = connection.generate_id()?;
        let root = connection.setup().roots[screen].root;
        let (class, aux) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        connection.create_window(0, window, root, -1, -1, 1, 1, 0, class, x11rb::COPY_FROM_PARENT, &aux)?.check()?;
        connection.change_property32(PropMode::REPLACE, window, atoms.XdndAware, AtomEnum::ATOM, &[VERSION])?;
        // A proxy names itself, so that a property left behind by a crashed program is not mistaken for one.
        for owner in [window, editor] {
            connection.change_property32(PropMode::REPLACE, owner, atoms.XdndProxy, AtomEnum::WINDOW, &[window])?.check()?;
        }
        let connection = Arc::new(connection);
        let target = Target { connection: Arc::clone(&connection), atoms, window, drops, session: None };
        let thread = thread::Builder::new().name("moodline-drops".to_owned()).spawn(move || target.run())?;
        Ok(Self { connection, atoms, window, thread: Some(thread) })
    }

    fn end(&self) -> Result<(), ProxyError> {
        let message = ClientMessageEvent::new(32, self.window, self.atoms.End, [0u32; 5]);
        self.connection.send_event(false, self.window, EventMask::NO_EVENT, message)?;
        self.connection.flush()?;
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // If the connection is lost, the thread has already ended.
        let told = self.end().is_ok();
        if let Some(thread) = self.thread.take().filter(|thread| told || thread.is_finished()) {
            let _ = thread.join();
        }
    }
}

/// The window's X11 id.
pub(crate) fn number_of(editor: &WindowContext) -> Option<Window> {
    match editor.window_handle().ok()?.as_raw() {
        RawWindowHandle::Xlib(handle) => Window::try_from(handle.window).ok(),
        RawWindowHandle::Xcb(handle) => Some(handle.window.get()),
        _ => None,
    }
}

/// The source that is dragging something over the window.
#[derive(Clone, Copy)]
struct Drag {
    source: Window,
    /// The window that the source addresses: the editor's or the proxy, depending on the source.
    addressee: Window,
    has_files: bool,
}

/// The state of the thread.
struct Target {
    connection: Arc<RustConnection>,
    atoms: Atoms,
    window: Window,
    drops: Drops,
    session: Option<Drag>,
}

impl Target {
    /// Runs until told to end or the display is gone.
    fn run(mut self) {
        while let Ok(event) = self.connection.wait_for_event() {
            let done = match event {
                Event::ClientMessage(message) if message.type_ == self.atoms.End => break,
                Event::ClientMessage(message) => self.hear(&message),
                Event::SelectionNotify(notice) => self.receive(&notice),
                _ => Ok(()),
            };
            if done.is_err() {
                break;
            }
        }
        self.drops.hover(false);
    }

    fn hear(&mut self, message: &ClientMessageEvent) -> Result<(), ProxyError> {
        let data = message.data.as_data32();
        let source = data[0];
        let is_current = self.session.is_some_and(|session| session.source == source);
        if message.type_ == self.atoms.XdndEnter {
            let has_files = self.types(source, &data)?.contains(&self.atoms.UriList);
            self.session = Some(Drag { source, addressee: message.window, has_files });
            self.drops.hover(has_files);
        } else if message.type_ == self.atoms.XdndPosition && is_current {
            self.tell_status()?;
        } else if message.type_ == self.atoms.XdndDrop && is_current {
            self.drops.hover(false);
            self.ask_for_data(data[2])?;
        } else if message.type_ == self.atoms.XdndLeave && is_current {
            self.session = None;
            self.drops.hover(false);
        }
        Ok(())
    }

    /// The types offered by a source: up to three in the message, more in a property.
    fn types(&self, source: Window, data: &[u32; 5]) -> Result<Vec<Atom>, ProxyError> {
        if data[1] & HAS_MORE_TYPES == 0 {
            return Ok(data[2..].to_vec());
        }
        let list =
            self.connection.get_property(false, source, self.atoms.XdndTypeList, AtomEnum::ATOM, 0, LONGEST_LIST)?.reply()?;
        Ok(list.value32().map_or_else(Vec::new, Iterator::collect))
    }

    fn tell_status(&self) -> Result<(), ProxyError> {
        let Some(session) = self.session else { return Ok(()) };
        let (accepts, action) = if session.has_files { (1, self.atoms.XdndActionCopy) } else { (0, x11rb::NONE) };
        self.tell(session, self.atoms.XdndStatus, [session.addressee, accepts, 0, 0, action])
    }

    fn ask_for_data(&mut self, time: Timestamp) -> Result<(), ProxyError> {
        if self.session.is_some_and(|session| session.has_files) {
            let atoms = &self.atoms;
            self.connection.convert_selection(self.window, atoms.XdndSelection, atoms.UriList, atoms.Result, time)?;
            self.connection.flush()?;
            return Ok(());
        }
        self.finish(false)
    }

    fn receive(&mut self, notice: &SelectionNotifyEvent) -> Result<(), ProxyError> {
        let mut file = None;
        if notice.property != x11rb::NONE {
            let list =
                self.connection.get_property(true, self.window, notice.property, AtomEnum::ANY, 0, LONGEST_LIST)?.reply()?;
            file = first_file(&list.value);
        }
        self.finish(file.is_some())?;
        if let Some(file) = file {
            self.drops.drop(file);
        }
        Ok(())
    }

    fn finish(&mut self, accepted: bool) -> Result<(), ProxyError> {
        let Some(session) = self.session.take() else { return Ok(()) };
        let action = if accepted { self.atoms.XdndActionCopy } else { x11rb::NONE };
        self.tell(session, self.atoms.XdndFinished, [session.addressee, u32::from(accepted), action, 0, 0])
    }

    fn tell(&self, session: Drag, message: Atom, data: [u32; 5]) -> Result<(), ProxyError> {
        let message = ClientMessageEvent::new(32, session.source, message, data);
        self.connection.send_event(false, session.source, EventMask::NO_EVENT, message)?;
        self.connection.flush()?;
        Ok(())
    }
}
