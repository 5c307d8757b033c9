(comment) @comment

(document (pair . (_) @name.text) @definition.section)
(table . (_) @name.text) @definition.section
(table_array_element . (_) @name.text) @definition.section
