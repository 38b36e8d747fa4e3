{{ config(enabled=var('attrib_mmm_enabled')) }}
{{ attrib.duplicates(ref('int_media_transforms'), ['period', 'channel']) }}
