(comment) @comment

(rule_set (selectors) @name.text (block) @body) @definition.section
(media_statement . (_) @name.text (block) @body) @definition.section
(supports_statement . (_) @name.text (block) @body) @definition.section
(keyframes_statement (keyframes_name) @name.text (keyframe_block_list) @body) @definition.section
(at_rule (at_keyword) @name.text (block) @body) @definition.section
(at_rule (at_keyword) @scope . (_) @name.text (block) @body
  (#not-eq? @scope "@font-face")) @definition.section
