//! Two honest ends never accuse each other, and a server that keeps its state never tells a loss.

use crate::engine::Engine;
use crate::ledger::Ledger;
use tautline_protocol::CloseCode;

/// Codes that have no place between two honest ends.
const ACCUSATIONS: [CloseCode; 3] =
    [CloseCode::MALFORMED, CloseCode::VIOLATION, CloseCode::TOO_LARGE];

/// An accusation among the codes that ends have hung up with.
#[must_use]
pub(crate) fn accusation<'a>(codes: impl Iterator<Item = &'a CloseCode>) -> Option<String> {
    let code = codes.into_iter().find(|code| ACCUSATIONS.contains(code))?;
    Some(format!("one honest end accused the other: {code}"))
}

/// Losses that were told although the engine has lost nothing, or less than that.
#[must_use]
pub(crate) fn unfounded_losses(ledger: &Ledger, engine: &Engine) -> Option<String> {
    let caused = engine.losses.get(&ledger.session).copied().unwrap_or_default();
    let told = ledger.losses.len();
    let told_unknown = ledger.losses.iter().filter(|(accepted_known, _)| !accepted_known).count();
    (told > caused.all || told_unknown > caused.without_tombstone).then(|| {
        format!("{told} losses were told, {told_unknown} of them total, of these: {caused:?}")
    })
}
