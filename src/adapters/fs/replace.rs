use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::io::Errno;

use super::FileError;
use super::trust::{contents, directory_of, open_at, trusted_directory_of};

/// What the new file looks like to others.
#[derive(Debug, Clone, Copy)]
pub enum Attributes<'a> {
    /// Ours, with this mode.
    Fresh(u32),
    /// Owner, mode and extended attributes (with them the access list) of the file that is replaced.
    Of(&'a File),
}

/// Replaces the content of `path`, or makes it, so that a concurrent reader and a crash at any moment see the old content or
/// the new one: a temporary file `.<name>.guard.<random>` beside it, fsync, rename, fsync of the directory. Then reads back
/// and compares. Temporary files that an earlier crash left are removed first.
///
/// # Errors
/// [`FileError::Unsettled`] when the new content is in place but in doubt; after any other error the old content is in place.
pub fn replace(path: &Path, content: &[u8], attributes: Attributes<'_>) -> Result<(), FileError> {
    let (directory, shown, name) = trusted_directory_of(path)?;
    sweep(&directory, name, &shown)?;
    let mut temporary = prefix(name);
    temporary.push(format!("{:016x}", rand::random::<u64>()));
    write(&directory, &temporary, path, content, attributes)?;
    if let Err(error) = rustix::fs::renameat(&directory, &temporary, &directory, name) {
        discard(&directory, &temporary);
        return Err(FileError::io("replace", path, error));
    }
    let unsettled = |why: String| FileError::Unsettled { path: path.to_owned(), why };
    rustix::fs::fsync(&directory).map_err(|e| unsettled(format!("may not survive a crash: {e}")))?;
    let back = open_at(directory.as_fd(), name, path)
        .and_then(|file| file.map(|file| contents(&file, path, content.len() as u64)).transpose());
    match back {
        Ok(Some(back)) if back.as_slice() == content => Ok(()),
        Ok(_) | Err(FileError::Untrusted { .. }) => Err(unsettled("somebody else changed it at once".to_owned())),
        Err(error) => Err(unsettled(format!("cannot be read back: {error}"))),
    }
}

/// Does for a file that already has the wanted content what [`replace`] would have done beyond writing: removes temporary
/// files that a crash left, and makes the content durable.
///
/// # Errors
/// Whatever keeps the file from being made durable.
pub fn confirm(path: &Path, file: &File) -> Result<(), FileError> {
    let (directory, shown, name) = trusted_directory_of(path)?;
    sweep(&directory, name, &shown)?;
    file.sync_all().map_err(|e| FileError::io("make durable", path, e))?;
    rustix::fs::fsync(&directory).map_err(|e| FileError::io("make durable", path, e))
}

/// Makes a private file durably; `false` when there is one already, which stays as it is.
///
/// # Errors
/// Whatever keeps the file from being made; then there is none.
pub fn create(path: &Path, content: &[u8]) -> Result<bool, FileError> {
    let (directory, _, name) = trusted_directory_of(path)?;
    match write(&directory, name, path, content, Attributes::Fresh(0o600)) {
        Ok(()) => {}
        Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    }
    rustix::fs::fsync(&directory).map_err(|e| FileError::io("make durable", path, e))?;
    Ok(true)
}

/// Removes a file durably; says whether there was one. Needs no free disk space.
///
/// # Errors
/// Whatever keeps the file from being removed.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    let (directory, _, name) = match directory_of(path) {
        Ok(found) => found,
        Err(FileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let existed = match rustix::fs::unlinkat(&directory, name, AtFlags::empty()) {
        Ok(()) => true,
        Err(Errno::NOENT) => false,
        Err(error) => return Err(FileError::io("remove", path, error)),
    };
    // Also when there was none: an earlier removal may not have reached the disk.
    rustix::fs::fsync(&directory).map_err(|e| FileError::io("make durable", path, e))?;
    Ok(existed)
}

fn prefix(name: &OsStr) -> OsString {
    let mut text = OsString::from(".");
    text.push(name);
    text.push(".guard.");
    text
}

/// Removes temporary files that a crash left for this very name.
fn sweep(directory: &OwnedFd, name: &OsStr, shown: &Path) -> Result<(), FileError> {
    let prefix = prefix(name);
    for entry in rustix::fs::Dir::read_from(directory).map_err(|e| FileError::io("list", shown, e))? {
        let entry = entry.map_err(|e| FileError::io("list", shown, e))?;
        let random = entry.file_name().to_bytes().strip_prefix(prefix.as_bytes());
        if random.is_some_and(|r| r.len() == 16 && r.iter().all(u8::is_ascii_hexdigit)) {
            let stale = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            match rustix::fs::unlinkat(directory, &stale, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(FileError::io("remove", &shown.join(stale), error)),
            }
        }
    }
    Ok(())
}

/// Best effort: what stays behind is swept by the next replacement.
fn discard(directory: &OwnedFd, name: &OsStr) {
    let _ = rustix::fs::unlinkat(directory, name, AtFlags::empty());
}

/// Makes the file `name`, which must not exist, for `path`; leaves none behind when it fails.
fn write(
    directory: &OwnedFd,
    name: &OsStr,
    path: &Path,
    content: &[u8],
    attributes: Attributes<'_>,
) -> Result<(), FileError> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::WRONLY;
    let fd = rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o600))
        .map_err(|e| FileError::io("make", path, e))?;
    fill(File::from(fd), path, content, attributes).inspect_err(|_| discard(directory, name))
}

fn fill(mut file: File, path: &Path, content: &[u8], attributes: Attributes<'_>) -> Result<(), FileError> {
    match attributes {
        Attributes::Fresh(mode) => set_mode(&file, mode, path)?,
        Attributes::Of(old) => copy_attributes(old, &file, path)?,
    }
    file.write_all(content).map_err(|e| FileError::io("write", path, e))?;
    file.sync_all().map_err(|e| FileError::io("make durable", path, e))
}

fn set_mode(file: &File, mode: u32, path: &Path) -> Result<(), FileError> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode & 0o777)).map_err(|e| FileError::io("set the mode of", path, e))
}

fn copy_attributes(old: &File, new: &File, path: &Path) -> Result<(), FileError> {
    let look = |file: &File| file.metadata().map_err(|e| FileError::io("look at", path, e));
    let (was, is) = (look(old)?, look(new)?);
    if (was.uid(), was.gid()) != (is.uid(), is.gid()) {
        rustix::fs::fchown(new, Some(Uid::from_raw(was.uid())), Some(Gid::from_raw(was.gid())))
            .map_err(|e| FileError::io("keep the owner of", path, e))?;
    }
    copy_extended(old, new, path)?;
    set_mode(new, was.mode(), path)
}

/// Security labels follow the system's policy for new files, everything else must survive the replacement.
fn copy_extended(old: &File, new: &File, path: &Path) -> Result<(), FileError> {
    let mut names = vec![0_u8; 65_536];
    let length = match rustix::fs::flistxattr(old, names.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(FileError::io("list the attributes of", path, error)),
    };
    for name in names[..length].split(|b| *b == 0).filter(|n| !n.is_empty() && !n.starts_with(b"security.")) {
        let name = OsStr::from_bytes(name);
        let mut value = vec![0_u8; 65_536];
        let length = rustix::fs::fgetxattr(old, name, value.as_mut_slice())
            .map_err(|e| FileError::io("read an attribute of", path, e))?;
        rustix::fs::fsetxattr(new, name, &value[..length], XattrFlags::empty())
            .map_err(|e| FileError::io("keep an attribute of", path, e))?;
    }
    Ok(())
}
