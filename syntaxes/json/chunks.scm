(comment) @comment

(document (object (pair key: (string) @name.text) @definition.section))
(pair key: (string) @name.text value: [(object) (array)]) @definition.section
