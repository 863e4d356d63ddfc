//! One contract for every consumer, and what files owe to those who read them.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guard::adapters::clock::SystemClock;
use guard::adapters::consumer::{LIMITS, Means, build};
use guard::adapters::http::Limits;
use guard::domain::ids::{ConsumerName, WorkspaceName};
use guard::domain::ledger::{ConsumerKind, ConsumerSettings, Program, SecretSource};
use guard::domain::secret::Secret;
use guard::ports::{Consumer, ConsumerError, Reading, SecretName};

use crate::again::alone;
use crate::process::shell;

const OLD: &str = "sk-ant-api03-TheOldKeyOfTheTest-AA";
const NEW: &str = "sk-ant-api03-TheNewKeyOfTheTest-AA";

fn secret(text: &str) -> Secret {
    Secret::new(text.into()).unwrap()
}

pub fn settings(kind: ConsumerKind) -> ConsumerSettings {
    ConsumerSettings { name: ConsumerName::new("app").unwrap(), kind, reload: None, verify: None }
}

fn consumer(settings: &ConsumerSettings) -> Box<dyn Consumer> {
    build(&WorkspaceName::new("prod").unwrap(), settings, &means(LIMITS))
}

/// What consumers need besides; each of guard's own credentials is the name of its entry in the vault.
pub fn means(limits: Limits) -> Means {
    let find_secret = |_: &SecretSource, name: &SecretName| Ok(secret(&name.to_string()));
    Means { clock: Arc::new(SystemClock), find_secret: Arc::new(find_secret), limits }
}

fn file(path: &Path) -> ConsumerKind {
    ConsumerKind::File { path: path.to_owned(), mode: 0o600, follow_symlink: false }
}

fn dotenv(path: &Path) -> ConsumerKind {
    ConsumerKind::Dotenv { path: path.to_owned(), variable: "ANTHROPIC_API_KEY".into(), follow_symlink: false }
}

fn exec(store: &Path) -> ConsumerKind {
    let write = shell(&format!("cat >{0}.new && mv {0}.new {0}", store.display()));
    let read = shell(&format!("cat {} 2>&1 || true", store.display()));
    ConsumerKind::Exec { write, read: Some(read) }
}

async fn held(consumer: &dyn Consumer) -> Option<String> {
    match consumer.read().await.map_err(|error| error.to_string()).unwrap() {
        Reading::Holds(secret) => Some(secret.expose().to_owned()),
        Reading::Empty => None,
        Reading::WriteOnly => panic!("it can be read"),
    }
}

async fn delivered(consumer: &dyn Consumer, text: &str) -> Result<(), ConsumerError> {
    consumer.deliver(&secret(text)).await
}

async fn refusal(consumer: &dyn Consumer) -> String {
    match delivered(consumer, NEW).await {
        Err(error @ ConsumerError::Refused { .. }) => {
            assert!(!format!("{error} {error:?}").contains("TheNewKey"));
            error.to_string()
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// What every consumer that can be read must do, starting empty.
pub async fn contract(kind: ConsumerKind) {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let note = |word: &str| Some(shell(&format!("echo {word} >>{}", log.display())));
    let settings = ConsumerSettings { reload: note("reload"), verify: note("verify"), ..settings(kind) };
    let consumer = consumer(&settings);
    let consumer = consumer.as_ref();
    assert_eq!(held(consumer).await, None);
    for text in [OLD, NEW, OLD] {
        for _ in 0..2 {
            delivered(consumer, text).await.unwrap();
            assert_eq!(held(consumer).await.as_deref(), Some(text));
            consumer.reload().await.unwrap();
            consumer.verify().await.unwrap();
        }
    }
    let runs = std::fs::read_to_string(&log).unwrap();
    assert_eq!(runs, "reload\nverify\n".repeat(6));
    assert!(!format!("{}{}", consumer.describe(), consumer.pickup()).contains("TheOldKey"));
}

#[tokio::test]
async fn the_file_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    contract(file(&directory.path().join("key"))).await;
}

#[tokio::test]
async fn the_dotenv_file_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    contract(dotenv(&directory.path().join(".env"))).await;
}

#[tokio::test]
async fn the_program_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    std::fs::write(&store, "").unwrap();
    contract(exec(&store)).await;
}

#[tokio::test]
async fn what_stands_around_the_key_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    for (before, after) in [("", NEW.to_owned()), ("old\n", format!("{NEW}\n")), ("old\r\n", format!("{NEW}\r\n"))] {
        std::fs::write(&path, before).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        delivered(consumer(&settings(file(&path))).as_ref(), NEW).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
    }
    std::fs::write(&path, "# c\nexport ANTHROPIC_API_KEY='old' # mine\nB=2").unwrap();
    delivered(consumer(&settings(dotenv(&path))).as_ref(), NEW).await.unwrap();
    let expected = format!("# c\nexport ANTHROPIC_API_KEY='{NEW}' # mine\nB=2");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
}

#[tokio::test]
async fn owner_mode_and_attributes_stay() {
    let directory = tempfile::tempdir().unwrap();
    for kind in [file, dotenv] {
        let path = directory.path().join("config");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o440)).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65_534), Some(65_533)).unwrap();
        }
        let set = |name, value: &[u8]| rustix::fs::setxattr(&path, name, value, rustix::fs::XattrFlags::empty());
        let tagged = set("user.note", b"kept").is_ok();
        let before = path.metadata().unwrap();
        delivered(consumer(&settings(kind(&path))).as_ref(), NEW).await.unwrap();
        let after = path.metadata().unwrap();
        assert_ne!(before.ino(), after.ino(), "it was written in place");
        assert_eq!((before.uid(), before.gid(), before.mode()), (after.uid(), after.gid(), after.mode()));
        if tagged {
            let mut value = [0_u8; 16];
            let length = rustix::fs::getxattr(&path, "user.note", &mut value[..]).unwrap();
            assert_eq!(&value[..length], b"kept");
        }
        std::fs::remove_file(&path).unwrap();
    }
    let path = directory.path().join("new");
    delivered(consumer(&settings(dotenv(&path))).as_ref(), NEW).await.unwrap();
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
}

#[tokio::test]
async fn a_file_that_a_key_is_not_safe_in_is_refused_untouched() {
    type Spoil = fn(&Path);
    let spoilers: [(&str, Spoil); 8] = [
        ("chmod 640", |path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap()),
        ("chmod 640", |path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o660)).unwrap()),
        ("hard links", |path| std::fs::hard_link(path, path.with_extension("other")).unwrap()),
        ("symbolic link", |path| {
            std::fs::rename(path, path.with_extension("real")).unwrap();
            symlink(path.with_extension("real"), path).unwrap();
        }),
        ("not a regular file", |path| {
            std::fs::remove_file(path).unwrap();
            std::fs::create_dir(path).unwrap();
        }),
        ("not a regular file", |path| {
            std::fs::remove_file(path).unwrap();
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
        ("longer than", |path| std::fs::write(path, vec![b'\n'; 2_000_000]).unwrap()),
        ("every user", |path| {
            std::fs::set_permissions(path.parent().unwrap(), PermissionsExt::from_mode(0o777)).unwrap();
        }),
    ];
    for (expected, spoil) in spoilers {
        for kind in [file, dotenv] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("config");
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            spoil(&path);
            let names = || directory.path().read_dir().unwrap().count();
            let before = (path.symlink_metadata().unwrap().ino(), names());
            let why = refusal(consumer(&settings(kind(&path))).as_ref()).await;
            assert!(why.contains(expected), "{expected}: {why}");
            assert_eq!(before, (path.symlink_metadata().unwrap().ino(), names()));
        }
    }
}

#[tokio::test]
async fn the_wrong_file_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    for (kind, content) in [
        (file as fn(&Path) -> ConsumerKind, &b"root:x:0:0:root:/root:/bin/sh\nbin:x:1:1::/:\n"[..]),
        (file, b"\xff\xfe\x00"),
        (dotenv, b"A='never closed\n"),
    ] {
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let consumer = consumer(&settings(kind(&path)));
        refusal(consumer.as_ref()).await;
        assert!(matches!(consumer.read().await, Err(ConsumerError::Refused { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}

#[tokio::test]
async fn a_followed_link_stays_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let (real, link) = (directory.path().join("real/key"), directory.path().join("link"));
    std::fs::create_dir(real.parent().unwrap()).unwrap();
    std::fs::write(&real, OLD).unwrap();
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o600)).unwrap();
    symlink(&real, &link).unwrap();
    let kind = ConsumerKind::File { path: link.clone(), mode: 0o600, follow_symlink: true };
    let consumer = consumer(&settings(kind));
    delivered(consumer.as_ref(), NEW).await.unwrap();
    assert_eq!(held(consumer.as_ref()).await.as_deref(), Some(NEW));
    assert_eq!((std::fs::read_to_string(&real).unwrap().as_str(), std::fs::read_link(&link).unwrap()), (NEW, real));
}

#[tokio::test]
async fn what_a_crash_left_behind_is_swept_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    delivered(consumer(&settings(file(&path))).as_ref(), NEW).await.unwrap();
    let leave = || {
        for name in [".key.guard.0123456789abcdef", ".key.guard.backup", ".other.guard.0123456789abcdef"] {
            std::fs::write(directory.path().join(name), OLD).unwrap();
        }
    };
    // Both when something is written and when the file is right already.
    for text in [NEW, OLD] {
        leave();
        delivered(consumer(&settings(file(&path))).as_ref(), text).await.unwrap();
        let mut names: Vec<_> = directory.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".key.guard.backup", ".other.guard.0123456789abcdef", "key"]);
    }
}

#[test]
fn on_a_full_disk_the_old_key_stays_whole() {
    let Some(()) = alone("consumers::on_a_full_disk_the_old_key_stays_whole", "trap '' XFSZ", &[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    std::fs::write(&path, format!("ANTHROPIC_API_KEY={OLD}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let limit = rustix::process::Rlimit { current: Some(20), maximum: Some(20) };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let consumer = consumer(&settings(dotenv(&path)));
        let error = delivered(consumer.as_ref(), NEW).await.unwrap_err();
        assert!(matches!(error, ConsumerError::Unreachable { .. }), "{error}");
        assert_eq!(held(consumer.as_ref()).await.as_deref(), Some(OLD));
    });
    assert_eq!(directory.path().read_dir().unwrap().count(), 1, "a part was left behind");
}

#[tokio::test]
async fn a_concurrent_reader_sees_the_old_key_or_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    let body = |key: &str| format!("# {}\nANTHROPIC_API_KEY={key}\nB='2'\n", "x".repeat(20_000));
    std::fs::write(&path, body(OLD)).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let reader = {
        let (path, done, whole) = (path.clone(), done.clone(), [body(OLD), body(NEW)]);
        std::thread::spawn(move || {
            let mut seen = 0_u64;
            while !done.load(Ordering::SeqCst) {
                let text = std::fs::read_to_string(&path).expect("the file is always there");
                assert!(whole.contains(&text), "a part was seen: {} bytes", text.len());
                seen += 1;
            }
            seen
        })
    };
    let consumer = consumer(&settings(dotenv(&path)));
    for round in 0..300 {
        delivered(consumer.as_ref(), if round % 2 == 0 { NEW } else { OLD }).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    assert!(reader.join().unwrap() > 0);
}

#[tokio::test]
async fn a_missing_directory_may_come_back() {
    let consumer = consumer(&settings(file(&PathBuf::from("/nonexistent/mount/key"))));
    assert_eq!(held(consumer.as_ref()).await, None);
    assert!(matches!(delivered(consumer.as_ref(), NEW).await, Err(ConsumerError::Unreachable { .. })));
}

#[tokio::test]
async fn a_program_is_believed_only_as_far_as_it_can_be() {
    let kind = |write: Program, read: Option<Program>| settings(ConsumerKind::Exec { write, read });
    let write_only = consumer(&kind(shell("cat >/dev/null"), None));
    delivered(write_only.as_ref(), NEW).await.unwrap();
    assert!(matches!(write_only.read().await, Ok(Reading::WriteOnly)));

    let liar = consumer(&kind(shell("cat >/dev/null"), Some(shell(&format!("echo {OLD}")))));
    let error = delivered(liar.as_ref(), NEW).await.unwrap_err();
    assert!(matches!(&error, ConsumerError::Unknown { .. }) && !error.to_string().contains("TheOldKey"), "{error}");

    let mute = consumer(&kind(shell("cat >/dev/null"), Some(shell("exit 1"))));
    assert!(matches!(delivered(mute.as_ref(), NEW).await, Err(ConsumerError::Unknown { .. })));

    let chatty = consumer(&kind(shell("k=$(cat); echo \"no room for $k\" >&2; exit 1"), None));
    let error = delivered(chatty.as_ref(), NEW).await.unwrap_err();
    assert!(matches!(&error, ConsumerError::Unknown { .. }), "{error}");
    assert!(error.to_string().contains("no room for [redacted]"), "{error}");

    let hung = Program { timeout: Duration::from_millis(100), ..shell("sleep 600") };
    let hanging = consumer(&kind(hung.clone(), Some(hung)));
    assert!(matches!(delivered(hanging.as_ref(), NEW).await, Err(ConsumerError::Unknown { .. })));
    assert!(matches!(hanging.read().await, Err(ConsumerError::Unreachable { .. })));

    let missing = Program { path: "/nonexistent/program".into(), ..shell("") };
    let absent = consumer(&kind(missing.clone(), Some(missing)));
    refusal(absent.as_ref()).await;
    let babbling = consumer(&kind(shell("cat"), Some(shell("echo several words"))));
    let error = babbling.read().await.err().unwrap();
    assert!(matches!(&error, ConsumerError::Refused { .. }) && !error.to_string().contains("words"), "{error}");
}

#[tokio::test]
async fn a_failed_reload_or_verify_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let failing = ConsumerSettings {
        reload: Some(shell("echo no such unit >&2; exit 5")),
        verify: Some(Program { path: "no-such-program".into(), ..shell("") }),
        ..settings(file(&directory.path().join("key")))
    };
    let consumer = consumer(&failing);
    let error = consumer.reload().await.unwrap_err();
    assert!(matches!(&error, ConsumerError::Unreachable { why, .. } if why.contains("no such unit")), "{error}");
    assert!(matches!(consumer.verify().await, Err(ConsumerError::Refused { .. })));
}
