use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::FileError;

/// Who else may have touched a file for guard still to believe it. The owner is always root or the user guard runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nobody else reads or writes it: secrets and state.
    Private,
    /// Nobody else writes it: programs, and credentials that the service manager handed over.
    Guarded,
}

impl Trust {
    const fn forbidden(self) -> u32 {
        match self {
            Self::Private => 0o077,
            Self::Guarded => 0o022,
        }
    }

    /// Decides by owner and permission bits.
    fn check(self, path: &Path, owner: u32, mode: u32) -> Result<(), FileError> {
        let us = rustix::process::geteuid().as_raw();
        if owner != 0 && owner != us {
            return Err(FileError::untrusted(path, format!("it belongs to uid {owner}, neither root nor uid {us}")));
        }
        if mode & self.forbidden() != 0 {
            let (verb, remedy) = match self {
                Self::Private => ("read or write", "600"),
                Self::Guarded => ("write", "go-w"),
            };
            let why = format!(
                "other users may {verb} it (mode {:04o}); run `chmod {remedy} {}`",
                mode & 0o7777,
                path.display()
            );
            return Err(FileError::untrusted(path, why));
        }
        Ok(())
    }
}

/// Opens the directory that holds `path` and returns it with its path and the name inside it.
pub(super) fn directory_of(path: &Path) -> Result<(OwnedFd, PathBuf, &OsStr), FileError> {
    let name = path.file_name().ok_or_else(|| FileError::untrusted(path, "it is not the name of a file"))?;
    let directory = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_owned(),
        _ => PathBuf::from("."),
    };
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(&directory, flags, Mode::empty())
        .map_err(|e| FileError::io("open the directory", &directory, e))?;
    Ok((fd, directory, name))
}

/// [`directory_of`] for those who will believe what they find: refuses a directory in which every user may replace any file.
pub(super) fn trusted_directory_of(path: &Path) -> Result<(OwnedFd, PathBuf, &OsStr), FileError> {
    let (fd, directory, name) = directory_of(path)?;
    let stat = rustix::fs::fstat(&fd).map_err(|e| FileError::io("look at", &directory, e))?;
    if stat.st_mode & 0o002 != 0 && stat.st_mode & 0o1000 == 0 {
        return Err(FileError::untrusted(&directory, "every user may replace files in this directory"));
    }
    Ok((fd, directory, name))
}

/// Opens an existing regular file for reading, without following a symbolic link in its last component. `None` when there is
/// no such file, or no such directory.
///
/// # Errors
/// [`FileError::Untrusted`] for a symbolic link, a directory, a device or a pipe.
pub fn open(path: &Path) -> Result<Option<File>, FileError> {
    let (directory, _, name) = match trusted_directory_of(path) {
        Ok(found) => found,
        Err(FileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    open_at(directory.as_fd(), name, path)
}

/// [`open`] inside a directory that is open already.
pub(super) fn open_at(
    directory: rustix::fd::BorrowedFd<'_>,
    name: &OsStr,
    path: &Path,
) -> Result<Option<File>, FileError> {
    // NONBLOCK: a pipe in the file's place must not hang guard.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(FileError::untrusted(path, "it is a symbolic link")),
        Err(error) => return Err(FileError::io("open", path, error)),
    };
    let file = File::from(fd);
    let meta = file.metadata().map_err(|e| FileError::io("look at", path, e))?;
    if meta.is_file() { Ok(Some(file)) } else { Err(FileError::untrusted(path, "it is not a regular file")) }
}

/// Reads a file of at most `limit` bytes that meets `trust`; `None` when there is none. The bytes are wiped on drop.
///
/// # Errors
/// [`FileError::Untrusted`] for what [`open`] refuses, a foreign owner, too wide a mode, or more than `limit` bytes.
pub fn read(path: &Path, trust: Trust, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let Some(file) = open(path)? else { return Ok(None) };
    let meta = file.metadata().map_err(|e| FileError::io("look at", path, e))?;
    trust.check(path, meta.uid(), meta.mode())?;
    contents(&file, path, limit).map(Some)
}

/// Whether there is a file that meets `trust`, without opening it: closing a database's file would free its locks.
///
/// # Errors
/// [`FileError::Untrusted`] as for [`read`].
pub fn exists(path: &Path, trust: Trust) -> Result<bool, FileError> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_file() => trust.check(path, meta.uid(), meta.mode()).map(|()| true),
        Ok(_) => Err(FileError::untrusted(path, "it is not a regular file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::io("look at", path, error)),
    }
}

/// All bytes of an open file, at most `limit`; wiped on drop.
///
/// # Errors
/// [`FileError::Untrusted`] when there are more.
pub fn contents(file: &File, path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let too_long = || FileError::untrusted(path, format!("it is longer than {limit} bytes"));
    let length = file.metadata().map_err(|e| FileError::io("look at", path, e))?.len();
    if length > limit {
        return Err(too_long());
    }
    // Room for everything at once: a buffer that grows leaves unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| FileError::io("read", path, e))?;
    if bytes.len() as u64 > limit { Err(too_long()) } else { Ok(bytes) }
}

/// Makes sure that `path` is a directory in which nobody else can put or replace files; makes it, closed to all others, when
/// it is missing. One that others may list is accepted: every file that guard makes in it is private by itself.
///
/// # Errors
/// [`FileError::Untrusted`] when others may write to it or it is somebody else's.
pub fn directory(path: &Path) -> Result<(), FileError> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Trust::Guarded.check(path, meta.uid(), meta.mode()),
        Ok(_) => Err(FileError::untrusted(path, "it is not a directory")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|e| FileError::io("make the directory", path, e)),
        Err(error) => Err(FileError::io("look at", path, error)),
    }
}

/// Checks that a program may be run: a regular, executable file, links followed, that nobody else can change.
///
/// # Errors
/// [`FileError::Untrusted`] names what is wrong.
pub fn program(path: &Path) -> Result<(), FileError> {
    let meta = std::fs::metadata(path).map_err(|e| FileError::io("run", path, e))?;
    if !meta.is_file() || meta.mode() & 0o111 == 0 {
        return Err(FileError::untrusted(path, "it is not an executable file"));
    }
    Trust::Guarded.check(path, meta.uid(), meta.mode())
}
