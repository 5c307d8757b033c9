(comment) @comment

(document (block_node (block_mapping (block_mapping_pair key: (_) @name.text) @definition.section)))
(block_mapping_pair
  key: (_) @name.text
  value: (block_node [(block_mapping) (block_sequence)])) @definition.section
