"""The words by which conditions are known, and the words that take them away.

Plain alternatives of lower-case words, each matched between word edges;
``<opioid>`` stands for the generic words and for every opioid's name. Reviewed as
clinical content: none of it comes from a published list.
"""

from __future__ import annotations

from cds_service.knowledge.concepts import Meaning

Alternatives = tuple[str, ...]

NOT_BEFORE: Alternatives = (
    "no|not|isn't|without|denie[sd]|deny|negative for|never|absence of|free (?:of|from)",
    "history of|h/o|hx|past|previous(?:ly)?|prior|former(?:ly)?",
    r"risks? (?:of|for)|at risk|prevent(?:ion|ing)?|avoid\w*|fear of|concern for|unlikely",
    "planning|plans?|intends?|intention|wants|wishes|desires?|trying|becoming",
    r"refer\w* (?:for|to)|assess\w* (?:for|of)",
)
"""Before a name, up to the last comma: absent, past, feared or only planned."""

NOT_AFTER: Alternatives = (
    "ruled out|excluded|unlikely|not (?:found|present|confirmed)|negative|resolved|none",
    r"counsel\w*|screen\w*|education|prevention|prophylaxis",
)
"""After a name, up to the next comma."""

PAST: Alternatives = (r"(?:history|hx)(?: of)?\W*$",)
"""At the end of the clause."""

REMISSION: Alternatives = ("remission|recovered|abstinent",)
"""Anywhere after a name."""

SOMEONE_ELSE: Alternatives = (
    "family h(?:istory|x)|fhx?|personal history",
    "(?:mother|father|sister|brother|parents?|spouse|partner|husband|wife|child|son|daughter)"
    " (?:with|has|had|is|was)",
    r"(?:mother|sister|spouse|partner|wife|girlfriend|daughter)(?:'s)? pregnan\w+",
    r"newborn|neonat\w*|infants?|baby|born to",
    r"rul(?:e|ing) out|r/o|screen(?:ing)? for|evaluat\w+ for",
    r"preconception\w*|procreative|contraception|contraceptive (?:counsel\w*|management|advice)",
    "to (?:become pregnant|conceive)",
)
"""Anywhere in the clause: not this patient, not now, or only asked."""

_TEST = "(?:pregnancy test|hcg)"

BIRTH_TOLD: Alternatives = (r"(?<!not )(?<!be )delivered|with postnatal complication",)
"""SNOMED CT names such as "pre-eclampsia - delivered": the pregnancy they name is over."""

FIXED: tuple[tuple[tuple[Meaning, ...], Alternatives], ...] = (
    (
        (Meaning.NOT_PREGNANT,),
        (
            "(?:not|isn't|no longer|non)[ -]*(?:currently |known to be |yet )?pregnant",
            r"pregnan(?:t|cy)(?: status)?\s*[:=]\s*(?:no|not|negative|none|false)",
            _TEST + r"\b[^,;]{0,25}\bnegative",
            r"negative\b[^,;]{0,20}\b" + _TEST,
            "pregnancy (?:ruled out|excluded)|no (?:evidence of )?pregnancy",
        ),
    ),
    (
        (Meaning.PREGNANT,),
        (
            _TEST + r"\b[^,;]{0,25}\bpositive",
            r"positive\b[^,;]{0,20}\b" + _TEST,
            r"pregnant\s*[:=]\s*(?:yes|true)",
            "threatened (?:spontaneous )?(?:abortion|miscarriage)",
        ),
    ),
    (
        (Meaning.POSSIBLY_PREGNANT,),
        (
            "(?:possibl[ey]|suspected|suspicion of|probabl[ey]|presumed|unconfirmed|may be|might be|could be"
            "|query) (?:currently |early )?pregnan(?:t|cy)",
            "pregnancy,? (?:not (?:yet )?confirmed|unconfirmed|suspected|possible|of unknown location)",
            r"pregnan(?:t|cy)\s*\?|\?\s*pregnan(?:t|cy)",
            "pregnancy,?(?: childbirth,?)? (?:and|or|and/or) (?:the )?puerperium",
        ),
    ),
    (
        (Meaning.NOT_LACTATING,),
        (
            "(?:not|no longer|non|stopped|ceased|discontinued)[ -]*(?:currently )?breast[ -]?feeding",
            "breast[ -]?feeding (?:stopped|ceased|discontinued)|(?:not|non|no longer)[ -]?lactating",
            r"breast[ -]?feeding\s*[:=]\s*(?:no|false)",
        ),
    ),
    (
        (),
        (
            r"pregnancy test\w*",
            r"pregnancy (?:status )?(?:unknown|counsel\w*|planning|prevention|intention\w*)",
            "(?:planning|trying for|wants|desires) (?:a )?pregnancy|(?:false|phantom) pregnancy",
            r"(?:recurrent|habitual) (?:pregnancy loss|miscarriages?|abort\w+)",
            r"childbirth (?:instruction|education|class)\w*",
            r"(?:suppress\w+|failure) (?:of )?lactation|lactation suppress\w+|fo?etal \w+",
            "(?:respiratory|ventilatory|cns|central nervous system|marrow|st|immune|cardiac)[ -]"
            "(?:segment )?depression",
            r"depression screen\w*|suicide (?:risk|screen\w*|prevention)",
            "lupus (?:anticoagulant|vulgaris|pernio)|opioid[ -](?:free|naive)",
            r"(?<!acute on )chronic (?:\w+ ){0,3}hepatitis",
        ),
    ),
)
"""Phrases read as a whole, in this order, whatever stands around them, and then taken out."""

NAMES: dict[Meaning, Alternatives] = {
    Meaning.PREGNANCY_ENDED: (
        r"(?:ectopic|molar|tubal|ovarian|abdominal|cornual|cervical|heterotopic)(?: \w+)? pregnancy",
        "hydatidiform mole|blighted ovum|miscarriage|abortion",
        r"terminat\w+ of pregnancy|pregnancy (?:loss|terminated)",
    ),
    Meaning.PREGNANT: (
        "pregnan(?:t|cy)|gestation period",
        "gravid|primigravida|pre-?eclampsia|hyperemesis gravidarum|placenta pra?evia",
        "gestational (?:diabetes|hypertension|o?edema|proteinuria)",
        r"(?:antenatal|prenatal)(?: \d+ weeks?)? (?:care|visit|clinic|supervision|exam\w*|depression)",
        "(?:first|second|third|1st|2nd|3rd) trimester",
        r"\d{1,2} ?(?:weeks?|wks?)(?: of)? gestation",
    ),
    Meaning.DELIVERED: (
        "(?:vaginal|ca?esarean|forceps|vacuum|normal|spontaneous|preterm|term|breech|assisted) delivery",
        "(?<!planned )(?<!scheduled )(?:ca?esarean|c-section)"
        "(?!(?: section| delivery)? (?:planned|scheduled))",
        "outcome of delivery|live ?birth|stillbirth|childbirth|gave birth",
        "delivered (?:by|vaginally|a)|(?:mother|twins?|pregnancy) delivered",
    ),
    Meaning.POSTPARTUM: (r"post-? ?partum|puerper\w+|postnatal",),
    Meaning.LACTATING: ("breast[ -]?feed(?:s|ing)?|lactat(?:ing|ion)|nursing mother",),
    Meaning.OPIOID_USE_DISORDER: (
        "<opioid>(?:[ -]+(?:induced|type|drug|analgesic|medication))*[ -]+"
        r"(?:use disorders?|dependen(?:ce|cy|t)|addict\w*|abuse\w*|misuse\w*|intoxication)",
        "(?:dependence|addiction|abuse|misuse) (?:of|on|to) <opioid>|oud",
        "<opioid> use,? unspecified|^<opioid> use(?=$|, active)",
        r"(?:iv|intravenous|inject\w+) <opioid> us(?:e|er)",
    ),
    Meaning.OPIOID_AGONIST_THERAPY: (
        r"<opioid>\b.{0,40}\bagonist (?:therapy|treatment)|<opioid> (?:substitution|replacement|maintenance)",
        "(?:methadone|buprenorphine|suboxone)[ -]+(?:maintenance|program(?:me)?|clinic|therapy|treatment)",
        "medications? for opioid use disorder|moud",
    ),
    Meaning.LONG_TERM_OPIOID: (
        r"(?:long[ -]?term|chronic)\b[^;]{0,25}\b(?:use|therapy|treatment) (?:of|with) <opioid>",
        "(?:long[ -]?term|chronic)(?:,? continuous)? <opioid>(?: analgesic| pain)?"
        " (?:use|therapy|treatment|user)",
        "<opioid> (?:use|therapy),? long[ -]?term|<opioid> (?:contract|pain agreement)",
    ),
    Meaning.OPIOID_WITHDRAWAL: (r"<opioid>\b[^,;]{0,25}\bwithdrawal|withdrawal (?:from|due to|of) <opioid>",),
    Meaning.OPIOID_OVERDOSE: (
        r"<opioid>\b[^,;]{0,40}\b(?:overdose|poisoning)|(?:overdose|poisoning)\b[^,;]{0,40}\b<opioid>",
    ),
    Meaning.NALOXONE_CHALLENGE_FAILED: (
        "fail(?:ed|ure of|s)? (?:the )?(?:naloxone|narcan)[ -]+challenge",
        "(?:naloxone|narcan)[ -]+challenge(?: test)?[ :,-]*(?:was )?(?:failed|failure|positive)",
    ),
    Meaning.ALCOHOL_USE_DISORDER: (
        r"alcohol[ -]+(?:use disorder|dependen\w+|addict\w*|abuse)|alcoholism|aud",
    ),
    Meaning.ACUTE_HEPATITIS: (
        r"acute (?:\w+[ -]+){0,3}hepatitis|hepatitis\b[^;]{0,12}\bacute",
        "alcoholic hepatitis|fulminant hepatitis",
    ),
    Meaning.LIVER_FAILURE: (
        "(?:liver|hepatic) failure|hepatic (?:coma|encephalopathy)|hepatorenal syndrome|fulminant hepatitis",
    ),
    Meaning.DECOMPENSATED_CIRRHOSIS: (
        r"decompensated (?:\w+ ){0,3}(?:cirrhosis|liver disease)|cirrhosis\b[^;]{0,30}\bdecompensated",
        r"cirrhosis\b[^;]{0,40}\bwith (?:\w+ )?ascites",
        "end[ -]stage liver disease|esld|child[ -]pugh (?:class )?c",
    ),
    Meaning.CIRRHOSIS: ("cirrhosis|cirrhotic",),
    Meaning.DECOMPENSATION_SIGN: (
        "ascites|(?:o?esophageal|gastric) varices|variceal",
        "portal hypertension|spontaneous bacterial peritonitis",
    ),
    Meaning.SEVERE_RENAL_IMPAIRMENT: (
        "end[ -]stage (?:renal|kidney)|esrd|eskd|dialysis|aki",
        r"(?:chronic kidney disease|ckd)\b[^;\d]{0,30}\b(?:stage|grade) ?g?(?:4|5|iv|v)|ckd ?g?(?:4|5|iv|v)",
        "acute (?:renal|kidney) (?:failure|injury)",
        "severe (?:renal|kidney) (?:impairment|failure|disease|insufficiency)",
    ),
    Meaning.DEPRESSION: (r"depress(?:ion|ive)|dysthymi\w+|mdd",),
    Meaning.SUICIDALITY: (
        "suicid(?:al|ality)|suicide attempt|(?:attempted|planning|threaten(?:ed|ing)) suicide",
    ),
    Meaning.PLANNED_SURGERY: (
        r"(?:awaiting|scheduled|planned|upcoming)\b[^,;]{0,30}\b(?:surg\w+|operation|arthroplasty|replacement)",
        r"pre-?(?:op|operative|procedural|surgical)\b[^,;]{0,20}\b(?:exam\w*|evaluation|assessment|clearance)",
        "surgery (?:planned|scheduled)",
    ),
    Meaning.NALTREXONE_ALLERGY: (
        r"(?:allerg\w+|hypersensitiv\w+|anaphyla\w+)\b[^;]{0,25}\bnaltrexone",
        r"naltrexone\b[^;]{0,20}\b(?:allerg|hypersensitiv|anaphyla)\w*",
    ),
    Meaning.NALOXONE_ALLERGY: (
        r"(?:allerg\w+|hypersensitiv\w+|anaphyla\w+)\b[^;]{0,25}\bnaloxone",
        r"naloxone\b[^;]{0,20}\b(?:allerg|hypersensitiv|anaphyla)\w*",
    ),
    Meaning.FIBROMYALGIA: ("fibromyalgia|fibromyositis",),
    Meaning.CRPS: ("complex regional pain|crps|reflex sympathetic dystrophy|causalgia",),
    Meaning.RHEUMATOID_ARTHRITIS: (
        r"rheumatoid (?:(?:poly)?arthritis|lung|nodul\w+|vasculitis|arteritis|disease)",
        "felty(?:'?s)? syndrome",
    ),
    Meaning.LUPUS: ("lupus|sle",),
    Meaning.MULTIPLE_SCLEROSIS: ("multiple sclerosis|(?:rr|pp|sp)ms",),
    Meaning.CROHNS_DISEASE: ("crohn(?:'?s)?|regional enteritis",),
    Meaning.ENDOMETRIOSIS: ("endometriosis|adenomyosis",),
    Meaning.ME_CFS: ("chronic fatigue syndrome|myalgic encephalomyelitis|me ?/ ?cfs|cfs ?/ ?me",),
    Meaning.LONG_COVID: (
        r"long[ -](?:haul(?:er)? )?covid(?:[ -]?19)?|post-?acute sequelae of (?:covid|sars)[\w -]*|pasc",
        "post[ -]?(?:acute )?covid(?:[ -]?19)? (?:condition|syndrome|fatigue|symptoms?|state)",
        "post-acute covid-19",
    ),
    Meaning.CHRONIC_PAIN: (r"chronic (?:\w+[ -]+){0,3}pain",),
    Meaning.NEUROPATHIC_PAIN: ("neuropathic pain|neuralgia|(?:poly)?neuropathy",),
    Meaning.PELVIC_PAIN: ("pelvic (?:and perineal )?pain|vulvodynia|interstitial cystitis",),
}
"""Names that are present unless the words around them say otherwise."""
