//! The examples of RFC 5545, 3.8.5.3, with the dates the RFC prints. They all begin at 09:00 in New York.

use super::Budget;
use super::against_oracle::parse;
use super::rule_starts;
use jiff::civil::DateTime;
use jiff::civil::date;

const BUDGET: Budget = Budget { candidates: 200_000, instances: 20_000 };

/// Start, rule, and the days it prints, `MMDD` or `YYYYMMDD`; what is left out is of the year before it.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("19970902", "FREQ=DAILY;COUNT=10", "0902 0903 0904 0905 0906 0907 0908 0909 0910 0911"),
    ("19970902", "FREQ=DAILY;INTERVAL=2", "0902 0904 0906 0908 0910 0912 0914 0916 0918 0920 0922 0924 0926 0928 0930"),
    ("19970902", "FREQ=DAILY;INTERVAL=10;COUNT=5", "0902 0912 0922 1002 1012"),
    ("19980101", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA", "0101 0102 0103 0104"),
    ("19980101", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", "0101 0102 0103 0104"),
    ("19970902", "FREQ=WEEKLY;COUNT=10", "0902 0909 0916 0923 0930 1007 1014 1021 1028 1104"),
    (
        "19970902",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "0902 0916 0930 1014 1028 1111 1125 1209 1223 19980106 0120 0203 0217",
    ),
    ("19970902", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", "0902 0904 0909 0911 0916 0918 0923 0925 0930 1002"),
    (
        "19970901",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "0901 0903 0905 0915 0917 0919 0929 1001 1003 1013 1015 1017 1027 1029 1031 1110 1112 1114 1124 1126 1128 1208 \
         1210 1212 1222",
    ),
    ("19970902", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "0902 0904 0916 0918 0930 1002 1014 1016"),
    ("19970905", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "0905 1003 1107 1205 19980102 0206 0306 0403 0501 0605"),
    ("19970905", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "0905 1003 1107 1205"),
    (
        "19970907",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "0907 0928 1102 1130 19980104 0125 0301 0329 0503 0531",
    ),
    ("19970922", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "0922 1020 1117 1222 19980119 0216"),
    ("19970928", "FREQ=MONTHLY;BYMONTHDAY=-3", "0928 1029 1128 1229 19980129 0226"),
    ("19970902", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", "0902 0915 1002 1015 1102 1115 1202 1215 19980102 0115"),
    ("19970930", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "0930 1001 1031 1101 1130 1201 1231 19980101 0131 0201"),
    (
        "19970910",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "0910 0911 0912 0913 0914 0915 19990310 0311 0312 0313",
    ),
    (
        "19970902",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "0902 0909 0916 0923 0930 1104 1111 1118 1125 19980106 0113 0120 0127 0303 0310 0317 0324 0331",
    ),
    (
        "19970610",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "0610 0710 19980610 0710 19990610 0710 20000610 0710 20010610 0710",
    ),
    (
        "19970310",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "0310 19990110 0210 0310 20010110 0210 0310 20030110 0210 0310",
    ),
    (
        "19970101",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "0101 0410 0719 20000101 0409 0718 20030101 0410 0719 20060101",
    ),
    ("19970519", "FREQ=YEARLY;BYDAY=20MO", "0519 19980518 19990517"),
    ("19970512", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "0512 19980511 19990517"),
    ("19970313", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "0313 0320 0327 19980305 0312 0319 0326 19990304 0311 0318 0325"),
    (
        "19970605",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "0605 0612 0619 0626 0703 0710 0717 0724 0731 0807 0814 0821 0828 19980604 0611 0618 0625 0702 0709 0716 0723 0730 \
         0806 0813 0820 0827 19990603 0610 0617 0624 0701 0708 0715 0722 0729 0805 0812 0819 0826",
    ),
    // The RFC removes DTSTART itself by EXDATE here.
    ("19970902", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "19980213 0313 1113 19990813 20001013"),
    (
        "19970913",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "0913 1011 1108 1213 19980110 0207 0307 0411 0509 0613",
    ),
    ("19961105", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "1105 20001107 20041102"),
    ("19970904", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "0904 1007 1106"),
    ("19970929", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "0929 1030 1127 1230 19980129 0226 0330"),
    ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "0805 0810 0819 0824"),
    ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "0805 0817 0819 0831"),
    ("20070115", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "0115 0130 0215 0315 0330"),
];

fn wall(day: &str, hour: i8) -> DateTime {
    let part = |from: usize, to: usize| day[from..to].parse().unwrap();
    date(day[..4].parse().unwrap(), part(4, 6), part(6, 8)).at(hour, 0, 0, 0)
}

#[test]
fn the_examples_of_the_rfc_have_the_dates_that_it_prints() {
    for (start, text, days) in EXAMPLES {
        let (start, rule) = (wall(start, 9), parse(text));
        let mut year = start.year().to_string();
        let mut wanted = Vec::new();
        for day in days.split_whitespace() {
            if day.len() == 8 {
                day[..4].clone_into(&mut year);
            }
            wanted.push(wall(&format!("{year}{}", &day[day.len() - 4..]), 9));
        }
        let found = rule_starts(&rule, start, (start, *wanted.last().unwrap()), &BUDGET).unwrap();
        assert_eq!(found, wanted, "{text}");
        if text.contains("COUNT") {
            let later = rule_starts(&rule, start, (start, wall("20500101", 0)), &BUDGET).unwrap();
            assert_eq!(later, wanted, "{text} ends");
        }
    }
}

#[test]
fn january_in_the_two_spellings_of_the_rfc_is_the_same_93_days() {
    let all = |text: &str| {
        let start = wall("19980101", 9);
        rule_starts(&parse(text), start, (start, wall("20500101", 0)), &BUDGET).unwrap()
    };
    let yearly = all("FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA");
    assert_eq!(yearly, all("FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1"));
    assert_eq!(yearly.len(), 93);
}

#[test]
fn hours_of_a_day_are_those_the_rfc_prints() {
    let start = wall("19970902", 9);
    for (text, hours) in [
        ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000", [9, 12, 15].as_slice()),
        ("FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40;UNTIL=19970902T235959", &[9, 9, 9, 10, 10]),
    ] {
        let found = rule_starts(&parse(text), start, (start, wall("19970903", 0)), &BUDGET).unwrap();
        let found: Vec<i8> = found.iter().map(|at| at.hour()).collect();
        assert_eq!(found[..hours.len()], *hours, "{text}");
    }
}
