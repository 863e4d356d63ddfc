/// A named place before or after a durable write or an effect, for example `rotate.send.before`. The places
/// of the driver are listed once, beside it, so that the crash matrix covers a new one by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultPoint(pub &'static str);

/// The crash seam: tests kill the process at a chosen place, production does nothing.
pub trait Faults: Send + Sync {
    /// The code is at `point`. May not return.
    fn reach(&self, point: FaultPoint);
}

/// Production.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn reach(&self, _point: FaultPoint) {}
}
